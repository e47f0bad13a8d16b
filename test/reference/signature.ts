/** COSE_Sign1 envelopes (spec §4.1, §4.2). */
import { ed25519 } from '@noble/curves/ed25519.js';
import { ascii, byteAt, concat, equal, u8, zeros } from './bytes.js';
import { type Cbor, decode, encode } from './cbor.js';
import { demand, fail } from './fail.js';
import { verifies } from './public-key.js';
import { hash, type KeyPair, type Role } from './schedule.js';
import { bstr, list } from './shape.js';

const TYPES = [
  'repository',
  'epoch',
  'succession',
  'footer',
  'manifest',
  'tombstone',
  'lease',
  'doom',
] as const;
/** The last part of a type string of §4.1. */
export type SignedType = (typeof TYPES)[number];
export const typeText = (type: SignedType): string => `nbak/v2/${type}`;

/** A public key that the pinned key introduced. */
export interface Signer {
  readonly role: Role;
  readonly epoch: number;
  readonly publicKey: Uint8Array;
}

export const fingerprint = (publicKey: Uint8Array): Uint8Array => hash(publicKey);

export const protectedHeader = (type: string, publicKey: Uint8Array): Uint8Array =>
  encode(
    new Map<Cbor, Cbor>([
      [1, -8],
      [3, type],
      [4, fingerprint(publicKey)],
    ]),
  );

/** The bytes that are signed. */
export function signedBytes(
  type: string,
  id: Uint8Array,
  publicKey: Uint8Array,
  payload: Uint8Array,
): Uint8Array {
  const external = concat(ascii(type), zeros(1), id, fingerprint(publicKey));
  return encode(['Signature1', protectedHeader(type, publicKey), external, payload]);
}

/** The stored bytes of an envelope of these parts. */
export const envelope = (parts: Cbor[]): Uint8Array => concat(u8(0xd2), encode(parts));

/** Signs `payload` as `type` for the repository `id`. */
export function sign(type: SignedType, id: Uint8Array, signer: KeyPair, payload: Uint8Array): Uint8Array {
  const text = typeText(type);
  const signature = ed25519.sign(signedBytes(text, id, signer.publicKey, payload), signer.seed);
  return envelope([protectedHeader(text, signer.publicKey), new Map<Cbor, Cbor>(), payload, signature]);
}

/** An envelope that is well-formed; nothing is verified yet. */
export interface Envelope {
  readonly type: string;
  readonly fingerprint: Uint8Array;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

/** Steps 1 and 2 of §4.2. */
export function readEnvelope(bytes: Uint8Array, limit: number): Envelope {
  demand(bytes.length <= limit, 'LIMIT_EXCEEDED', '§4.2', 'a signed object is too long');
  demand(bytes.length > 0 && byteAt(bytes, 0) === 0xd2, 'FORMAT_INVALID', '§4.1', 'no COSE_Sign1');
  const [header, unprotected, payload, signature] = list(decode(bytes.subarray(1)), 4);
  demand(
    unprotected instanceof Map && unprotected.size === 0,
    'FORMAT_INVALID',
    '§4.1',
    'unprotected is not {}',
  );
  const labels = decode(bstr(header));
  demand(labels instanceof Map && labels.size === 3, 'FORMAT_INVALID', '§4.1', 'protected has other labels');
  const type = labels.get(3);
  demand(labels.get(1) === -8, 'FORMAT_INVALID', '§4.1', 'the algorithm is not EdDSA');
  demand(typeof type === 'string', 'FORMAT_INVALID', '§4.1', 'the type is not text');
  return {
    type,
    fingerprint: bstr(labels.get(4), 32),
    payload: bstr(payload),
    signature: bstr(signature, 64),
  };
}

/** Step 3: the type that the place demands. */
export function demandType(read: Envelope, type: SignedType): void {
  if (read.type === typeText(type)) return;
  const known = TYPES.some((candidate) => typeText(candidate) === read.type);
  fail(known ? 'SIGNATURE_INVALID' : 'FORMAT_NEWER', '§4.2', `not signed as ${type}`);
}

/** Step 5: the signature under `publicKey`. */
export function demandSignature(read: Envelope, id: Uint8Array, publicKey: Uint8Array): void {
  const message = signedBytes(read.type, id, publicKey, read.payload);
  demand(
    verifies(read.signature, message, publicKey),
    'SIGNATURE_INVALID',
    '§4.2',
    'the signature does not verify',
  );
}

/** What a signed object is read against. */
export interface Place {
  readonly type: SignedType;
  readonly limit: number;
  readonly id: Uint8Array;
  readonly roles: readonly Role[];
  readonly signers: readonly Signer[];
}

/** All six steps but the payload's decoding. */
export function openEnvelope(bytes: Uint8Array, place: Place): { payload: Uint8Array; signer: Signer } {
  const read = readEnvelope(bytes, place.limit);
  demandType(read, place.type);
  const signer = place.signers.find(
    (known) => place.roles.includes(known.role) && equal(fingerprint(known.publicKey), read.fingerprint),
  );
  if (signer === undefined) fail('SIGNER_UNKNOWN', '§4.2', 'the signer is unknown in this role');
  demandSignature(read, place.id, signer.publicKey);
  return { payload: read.payload, signer };
}

/** Refuses bytes that their name does not fit (§16.1). */
export function demandName(name: Uint8Array, bytes: Uint8Array): void {
  demand(equal(hash(bytes), name), 'OBJECT_CORRUPT', '§16.1', 'the SHA-256 is not the name');
}
