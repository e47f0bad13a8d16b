/** Making and reading epoch records: where keys come from and who may sign. Implements §13.2 and §19.2. */

import { ZERO_NONCE, type CryptoProvider } from '../crypto/provider.js';
import { NbakError } from '../errors.js';
import { concatBytes } from '../format/bytes.js';
import { SIGNED_TYPES } from '../format/cose.js';
import {
  decodeCarriedSecrets,
  encodeCarriedSecrets,
  encodeEpochRecord,
  type CarriedSecrets,
  type EpochRecord,
} from '../format/epoch-record.js';
import type { RepositoryId } from '../format/ids.js';
import { keySchedule } from './key-schedule.js';
import { createSigner, type Signer } from './signing.js';

/** What the holder of a vault key has for one epoch. */
export interface EpochSecrets extends CarriedSecrets {
  readonly epoch: number;
  readonly root: Uint8Array;
  readonly backupSigner: Signer;
  readonly adminSigner: Signer;
}

const COMMITMENT_BYTES = 32;

/** Draws the secrets of a new repository's first epoch and makes its signed record (§13.2). */
export function createFirstEpoch(
  crypto: CryptoProvider,
  repository: RepositoryId,
  start: { readonly keyBytes: Uint8Array; readonly created: number },
): { readonly record: Uint8Array; readonly admin: Signer } {
  const epoch = 1;
  const schedule = keySchedule(crypto, repository);
  const root = schedule.root(start.keyBytes, epoch);
  const admin = createSigner(crypto, repository, schedule.signingSeed(root, 'admin', epoch));
  const backup = createSigner(crypto, repository, schedule.signingSeed(root, 'backup', epoch));
  const salt = crypto.randomBytes(32);
  const carried: CarriedSecrets = {
    dedup: [{ number: 1, secret: crypto.randomBytes(32) }],
    chunkerKey: crypto.randomBytes(32),
    oldRoot: undefined,
  };
  const { key, commitment } = schedule.recordKey(root, salt, epoch);
  const payload = encodeEpochRecord({
    repository,
    epoch,
    created: start.created,
    reason: 'init',
    admin: admin.publicKey,
    backup: [backup.publicKey],
    origin: 'vault-key',
    check: schedule.keyCheck(root, epoch),
    previous: undefined,
    salt,
    sealed: concatBytes(commitment, crypto.aesGcmSeal(key, ZERO_NONCE, encodeCarriedSecrets(carried))),
    closing: undefined,
  });
  return { record: admin.sign(SIGNED_TYPES.epoch, payload), admin };
}

/**
 * The root that a vault key's bytes give for an epoch.
 *
 * @returns undefined when the key check says that the key is not this epoch's (§3.3).
 */
export function rootOf(
  crypto: CryptoProvider,
  { epoch, repository, check }: Pick<EpochRecord, 'epoch' | 'repository' | 'check'>,
  keyBytes: Uint8Array,
): Uint8Array | undefined {
  const root = keySchedule(crypto, repository).root(keyBytes, epoch);
  return isRootOf(crypto, { epoch, repository, check }, root) ? root : undefined;
}

/** Says whether `root` is that of a record's epoch (§3.3); in constant time. */
export function isRootOf(
  crypto: CryptoProvider,
  { epoch, repository, check }: Pick<EpochRecord, 'epoch' | 'repository' | 'check'>,
  root: Uint8Array,
): boolean {
  return crypto.equalInConstantTime(keySchedule(crypto, repository).keyCheck(root, epoch), check);
}

/**
 * Opens what a record seals, with a root that the key check fits.
 *
 * @throws NbakError `REFERENCE_TAMPERED` when the seal does not open: the record contradicts itself; `FORMAT_INVALID`.
 */
export function openSeal(crypto: CryptoProvider, record: EpochRecord, root: Uint8Array): CarriedSecrets {
  const { epoch, repository, salt, sealed } = record;
  const { key, commitment } = keySchedule(crypto, repository).recordKey(root, salt, epoch);
  const matches = crypto.equalInConstantTime(commitment, sealed.subarray(0, COMMITMENT_BYTES));
  const plaintext = matches
    ? crypto.aesGcmOpen(key, ZERO_NONCE, sealed.subarray(COMMITMENT_BYTES))
    : undefined;
  if (plaintext === undefined) {
    throw new NbakError(
      'REFERENCE_TAMPERED',
      `Cannot open the seal of epoch record ${epoch}: it was changed`,
      {
        details: { epoch, clause: '§13.2' },
        hint: 'Take the record from another copy of the repository.',
      },
    );
  }
  return decodeCarriedSecrets(plaintext, epoch);
}

/**
 * Opens an epoch with a vault key's bytes.
 *
 * @returns undefined when the key check says that the key is not this epoch's (§3.3).
 * @throws NbakError `REFERENCE_TAMPERED` when the key is right and the seal or the admin key is not.
 */
export function openEpoch(
  crypto: CryptoProvider,
  record: EpochRecord,
  keyBytes: Uint8Array,
): EpochSecrets | undefined {
  const { epoch, repository } = record;
  const root = rootOf(crypto, record, keyBytes);
  if (root === undefined) return undefined;
  const carried = openSeal(crypto, record, root);
  const schedule = keySchedule(crypto, repository);
  const adminSigner = createSigner(crypto, repository, schedule.signingSeed(root, 'admin', epoch));
  if (!crypto.equalInConstantTime(adminSigner.publicKey, record.admin)) {
    throw new NbakError(
      'REFERENCE_TAMPERED',
      `Epoch record ${epoch} names an admin key that is not the vault key's`,
      {
        details: { epoch, clause: '§19.2' },
      },
    );
  }
  const backupSigner = createSigner(crypto, repository, schedule.signingSeed(root, 'backup', epoch));
  return { epoch, root, adminSigner, backupSigner, ...carried };
}
