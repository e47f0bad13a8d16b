/** Index objects: bags of footers. Implements §9 (the raw bytes; §5.3 wraps them). */

import { decodeCbor, encodeCbor } from './cbor.js';
import { asArray, asBytes } from './shape.js';

/** Encodes the raw bytes of an index object from complete signed footers. */
export function encodeIndex(signedFooters: readonly Uint8Array[]): Uint8Array {
  return encodeCbor([...signedFooters]);
}

/**
 * Decodes the raw bytes of an index object into signed footers, each still to be verified.
 *
 * @throws NbakError `FORMAT_INVALID`.
 */
export function decodeIndex(raw: Uint8Array): readonly Uint8Array[] {
  const structure = 'an index object';
  return asArray(decodeCbor(raw, structure), structure, 'the index').map((item) =>
    asBytes(item, structure, 'a footer'),
  );
}
