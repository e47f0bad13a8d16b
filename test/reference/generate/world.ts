/** The one repository that all vectors speak of; every "random" value comes from a named seed. */
import type { BlobSecrets } from '../blob.js';
import { sealBlob, type SealedBlob } from '../blob.js';
import { concat, u32, u64 } from '../bytes.js';
import { type KeyPair, epochRoot, hash, keyCheck, signingKey } from '../schedule.js';
import { seeded } from '../seeded.js';
import type { Signer } from '../signature.js';

export const id = seeded('repository id', 16);
export const otherId = seeded('id of another repository', 16);
export const dedupSecret = seeded('dedup secret 1', 32);
export const chunkerKey = seeded('chunker key', 32);
/** 2026-01-01T00:00:00Z. */
export const MOMENT = 1767225600000;

export interface Epoch {
  readonly number: number;
  readonly keyBytes: Uint8Array;
  readonly root: Uint8Array;
  readonly check: Uint8Array;
  readonly backup: KeyPair;
  readonly admin: KeyPair;
}

/** The keys of an epoch, from a vault key named by `seed`. */
export function epochOf(number: number, seed: string): Epoch {
  const keyBytes = seeded(seed, 32);
  const root = epochRoot(keyBytes, id, number);
  return {
    number,
    keyBytes,
    root,
    check: keyCheck(root, id, number),
    backup: signingKey(root, id, 'backup', number),
    admin: signingKey(root, id, 'admin', number),
  };
}

export const first = epochOf(1, 'vault key 1');
export const second = epochOf(2, 'vault key 2');
/** Somebody with a key of his own and no part in this repository. */
export const stranger = epochOf(1, 'vault key of a stranger');

const signersOf = (epoch: Epoch): Signer[] => [
  { role: 'admin', epoch: epoch.number, publicKey: epoch.admin.publicKey },
  { role: 'backup', epoch: epoch.number, publicKey: epoch.backup.publicKey },
];
/** The keys introduced in a repository of one epoch. */
export const signers: readonly Signer[] = signersOf(first);
export const signersOfBoth: readonly Signer[] = [...signersOf(first), ...signersOf(second)];

export const secrets: BlobSecrets = { id, root: first.root, dedupSecret };
export const salt = seeded('session salt', 16);
export const nonce = (lane: number, counter: number): Uint8Array => concat(u32(lane), u64(BigInt(counter)));

/** A blob of epoch 1 and the one session, stored, under lane 1. */
export const blobOf = (plaintext: Uint8Array, counter: number, kind = 1): SealedBlob =>
  sealBlob(secrets, { kind, epoch: 1, salt, nonce: nonce(1, counter) }, plaintext);

/** The input of a vector of a signed object under its right name. */
export const signedInput = (
  object: Uint8Array,
  as: readonly Signer[] = signers,
): Record<string, unknown> => ({
  object,
  name: hash(object),
  id,
  signers: as,
});
