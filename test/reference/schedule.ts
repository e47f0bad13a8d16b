/** The key schedule (spec §3). */
import { ed25519 } from '@noble/curves/ed25519.js';
import { expand, hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { ascii, concat, readU32, u32, u8 } from './bytes.js';

export const hash = (bytes: Uint8Array): Uint8Array => sha256(bytes);
export const mac = (key: Uint8Array, bytes: Uint8Array): Uint8Array => hmac(sha256, key, bytes);

/** A key and the commitment to it. */
export interface CommittedKey {
  readonly key: Uint8Array;
  readonly commitment: Uint8Array;
}

function split(bytes: Uint8Array): CommittedKey {
  return { key: bytes.slice(0, 32), commitment: bytes.slice(32, 64) };
}

export function epochRoot(keyBytes: Uint8Array, id: Uint8Array, epoch: number): Uint8Array {
  return hkdf(sha256, keyBytes, id, concat(ascii('nbak/v2/root'), u32(epoch)), 32);
}

export function keyCheck(root: Uint8Array, id: Uint8Array, epoch: number): Uint8Array {
  return hkdf(sha256, root, id, concat(ascii('nbak/v2/check'), u32(epoch)), 32);
}

export function sessionSecret(
  root: Uint8Array,
  id: Uint8Array,
  salt: Uint8Array,
  keyClass: number,
): Uint8Array {
  return hkdf(sha256, root, concat(id, salt), concat(ascii('nbak/v2/session'), u8(keyClass)), 32);
}

/** A role that signs. */
export type Role = 'backup' | 'admin';

/** An Ed25519 key pair of one role of one epoch. */
export interface KeyPair {
  readonly seed: Uint8Array;
  readonly publicKey: Uint8Array;
}

export function signingKey(root: Uint8Array, id: Uint8Array, role: Role, epoch: number): KeyPair {
  const seed = hkdf(sha256, root, id, concat(ascii(`nbak/v2/sign/${role}`), u32(epoch)), 32);
  return { seed, publicKey: ed25519.getPublicKey(seed) };
}

export const tagKey = (dedupSecret: Uint8Array, id: Uint8Array): Uint8Array =>
  hkdf(sha256, dedupSecret, id, ascii('nbak/v2/tag'), 32);
export const digestKey = (dedupSecret: Uint8Array, id: Uint8Array): Uint8Array =>
  hkdf(sha256, dedupSecret, id, ascii('nbak/v2/digest'), 32);
export const markKey = (dedupSecret: Uint8Array, id: Uint8Array): Uint8Array =>
  hkdf(sha256, dedupSecret, id, ascii('nbak/v2/mark'), 32);
export const gearKey = (chunkerKey: Uint8Array, id: Uint8Array): Uint8Array =>
  hkdf(sha256, chunkerKey, id, ascii('nbak/v2/gear'), 32);
export const borderKey = (chunkerKey: Uint8Array, id: Uint8Array): Uint8Array =>
  hkdf(sha256, chunkerKey, id, ascii('nbak/v2/border'), 32);

/** The 256 words of §3.8. */
export function gearTable(gear: Uint8Array): Uint32Array {
  const bytes = expand(sha256, gear, ascii('nbak/v2/gear/table'), 1024);
  return Uint32Array.from({ length: 256 }, (_, i) => readU32(bytes, 4 * i));
}

/** The tag of a chunk (§3.6). */
export const chunkTag = (key: Uint8Array, plaintext: Uint8Array): Uint8Array => mac(key, hash(plaintext));

/** `H` of §10.5. */
export const contentHash = (pieces: readonly Uint8Array[]): Uint8Array => hash(concat(...pieces.map(hash)));

/** The digest of a file (§3.7). */
export const fileDigest = (key: Uint8Array, path: Uint8Array, content: Uint8Array): Uint8Array =>
  mac(mac(key, concat(path, content)), content);

export function recordKey(root: Uint8Array, id: Uint8Array, salt: Uint8Array, epoch: number): CommittedKey {
  return split(hkdf(sha256, root, concat(id, salt), concat(ascii('nbak/v2/record'), u32(epoch)), 64));
}

/** What a slot key depends on besides the slot input. */
export interface SlotContext {
  readonly id: Uint8Array;
  readonly epoch: number;
  readonly kind: number;
  readonly salt: Uint8Array;
}

export function slotKey(input: Uint8Array, context: SlotContext): CommittedKey {
  const info = concat(ascii('nbak/v2/slot'), context.id, u32(context.epoch), u8(context.kind));
  return split(hkdf(sha256, input, context.salt, info, 64));
}

export function blobKey(secret: Uint8Array, header: Uint8Array): CommittedKey {
  return split(expand(sha256, secret, concat(ascii('nbak/v2/blob'), header), 64));
}
