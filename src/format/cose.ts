/** COSE_Sign1 envelopes (RFC 9052 §4.2, §4.4): layout and signed bytes, no signing. Implements §4.1. */

import { concatBytes, utf8 } from './bytes.js';
import { decodeCbor, encodeCbor, type CborValue } from './cbor.js';
import { idFromBytes, idToBytes, type Fingerprint, type RepositoryId } from './ids.js';
import { newer } from './compressed-object.js';
import { NbakError } from '../errors.js';
import { asArray, asBytes, asText, invalidField, limitExceeded } from './shape.js';

/** The object types of §4.1. */
export const SIGNED_TYPES = {
  repository: 'nbak/v2/repository',
  epoch: 'nbak/v2/epoch',
  succession: 'nbak/v2/succession',
  footer: 'nbak/v2/footer',
  manifest: 'nbak/v2/manifest',
  tombstone: 'nbak/v2/tombstone',
  lease: 'nbak/v2/lease',
  doom: 'nbak/v2/doom',
} as const;
/** A type string of §4.1. */
export type SignedType = (typeof SIGNED_TYPES)[keyof typeof SIGNED_TYPES];

/** An envelope taken apart; nothing in it is trusted before its signature verifies. */
export interface Envelope {
  readonly type: SignedType;
  readonly fingerprint: Fingerprint;
  readonly protectedBytes: Uint8Array;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

const TAG_18 = 0xd2;
// The array and its four fields; the map and its three pairs. Nothing else is built before a signature was verified.
const ENVELOPE_ITEMS = 5;
const HEADER_ITEMS = 7;
const ALGORITHM_EDDSA = -8;
const LABEL_ALGORITHM = 1;
const LABEL_TYPE = 3;
const LABEL_KEY = 4;

/** Encodes the protected header. */
export function encodeProtected(type: SignedType, fingerprint: Fingerprint): Uint8Array {
  const header = new Map<number, CborValue>([
    [LABEL_ALGORITHM, ALGORITHM_EDDSA],
    [LABEL_TYPE, type],
    [LABEL_KEY, idToBytes(fingerprint)],
  ]);
  return encodeCbor(header);
}

/** The bytes that are signed (§4.1). */
export function signedBytes(envelope: Omit<Envelope, 'signature'>, repository: RepositoryId): Uint8Array {
  const externalAad = concatBytes(
    utf8(envelope.type),
    Uint8Array.of(0),
    idToBytes(repository),
    idToBytes(envelope.fingerprint),
  );
  return encodeCbor(['Signature1', envelope.protectedBytes, externalAad, envelope.payload]);
}

/** Encodes a signed envelope. */
export function encodeEnvelope(envelope: Envelope): Uint8Array {
  const array = encodeCbor([envelope.protectedBytes, new Map(), envelope.payload, envelope.signature]);
  return concatBytes(Uint8Array.of(TAG_18), array);
}

/**
 * Takes an envelope apart: steps 1 to 3 of §4.2.
 *
 * @param most - the limit of §15 for this kind of object, in bytes.
 * @throws NbakError `LIMIT_EXCEEDED`, `FORMAT_INVALID`, `FORMAT_NEWER` or `SIGNATURE_INVALID` for another type.
 */
export function decodeEnvelope(bytes: Uint8Array, type: SignedType, most: number): Envelope {
  const structure = `a signed object (${type})`;
  const envelope = decodeAnyEnvelope(bytes, most, structure);
  if (envelope.type === type) return envelope;
  throw new NbakError('SIGNATURE_INVALID', `Cannot read ${structure}: it was signed as ${envelope.type}`, {
    details: { structure, clause: '§4.2' },
    hint: 'The object belongs to another place; nobody signed it for this one.',
  });
}

/**
 * Takes an envelope of whatever known type apart: steps 1 and 2 of §4.2.
 *
 * @throws NbakError `LIMIT_EXCEEDED`, `FORMAT_INVALID`, or `FORMAT_NEWER` for an unknown type.
 */
export function decodeAnyEnvelope(bytes: Uint8Array, most: number, structure: string): Envelope {
  if (bytes.length > most) throw limitExceeded(structure, 'its length', bytes.length, most);
  if (bytes[0] !== TAG_18) throw invalidField(structure, 'its first byte', 'the COSE_Sign1 tag');
  const fields = asArray(
    decodeCbor(bytes.subarray(1), structure, ENVELOPE_ITEMS),
    structure,
    'the envelope',
    4,
  );
  const protectedBytes = asBytes(fields[0], structure, 'protected');
  const unprotected = fields[1];
  if (!(unprotected instanceof Map) || unprotected.size !== 0)
    throw invalidField(structure, 'unprotected', 'an empty map');
  const payload = asBytes(fields[2], structure, 'payload');
  const signature = asBytes(fields[3], structure, 'signature', 64);

  const header = decodeCbor(protectedBytes, structure, HEADER_ITEMS);
  if (!(header instanceof Map) || header.size !== 3)
    throw invalidField(structure, 'protected', 'a map of labels 1, 3 and 4');
  const labels = header as ReadonlyMap<number, CborValue>;
  // One algorithm and no other: a header cannot talk the verifier into another one (A7).
  if (labels.get(LABEL_ALGORITHM) !== ALGORITHM_EDDSA)
    throw invalidField(structure, 'the algorithm', 'EdDSA (-8)');
  const stated = asText(labels.get(LABEL_TYPE), structure, 'its type');
  const fingerprint = idFromBytes<Fingerprint>(
    asBytes(labels.get(LABEL_KEY), structure, 'the fingerprint', 32),
  );
  const type = Object.values(SIGNED_TYPES).find((known) => known === stated);
  if (type === undefined) throw newer(structure, 'type', stated);
  return { type, fingerprint, protectedBytes, payload, signature };
}
