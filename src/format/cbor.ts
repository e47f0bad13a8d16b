/** Deterministic CBOR and its strict reading. Implements spec/format.md §5.1 and §5.2. */

import { encode, rfc8949EncodeOptions } from 'cborg';
import { CborReader } from './cbor-reader.js';
import type { CborValue } from './cbor-value.js';

export type { CborValue } from './cbor-value.js';

/** Encodes deterministically (§5.1). */
export function encodeCbor(value: CborValue): Uint8Array {
  return encode(value, rfc8949EncodeOptions);
}

/**
 * Decodes exactly one deterministic CBOR item that fills `bytes` (§5.2 steps 1 to 3).
 *
 * @param structure - what is being read, for the message.
 * @param mostItems - how many items its shape allows, where that is fewer than §15 does.
 * @throws NbakError `LIMIT_EXCEEDED` when it nests deeper or has more items than §15 allows; `FORMAT_INVALID` for
 *   everything else.
 */
export function decodeCbor(bytes: Uint8Array, structure: string, mostItems?: number): CborValue {
  return CborReader.of(bytes, structure, mostItems).value();
}
