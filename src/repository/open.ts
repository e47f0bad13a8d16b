/** Opening a repository: authenticating it by a pinned key, or unlocking it with a vault key. Implements §19.1–§19.2. */

import type { CryptoProvider } from '../crypto/provider.js';
import { assertAcceptablePublicKey } from '../crypto/public-key.js';
import { isNbakError, NbakError } from '../errors.js';
import { equalBytes, toHex } from '../format/bytes.js';
import { decodeAnyEnvelope, decodeEnvelope, SIGNED_TYPES } from '../format/cose.js';
import { decodeEpochRecord, type EpochRecord } from '../format/epoch-record.js';
import type { RepositoryId } from '../format/ids.js';
import { LIMITS } from '../format/limits.js';
import type { NamesMode } from '../format/manifest.js';
import { decodeRepositoryObject, type RepositoryObject } from '../format/repository-object.js';
import { invalidField } from '../format/shape.js';
import type { ObjectName, Storage } from '../storage/storage.js';
import { openEpoch, type EpochSecrets } from '../vault/epoch.js';
import { KeyRing, type KnownKey } from '../vault/signing.js';
import { parseName, REPOSITORY_NAME } from './object-names.js';
import { readWhole } from './read-object.js';

/** An authentic repository. Everything read through it is checked against keys that the pinned key introduced. */
export interface Repository {
  readonly crypto: CryptoProvider;
  readonly storage: Storage;
  readonly id: RepositoryId;
  readonly names: NamesMode;
  readonly created: number;
  /** The newest epoch. */
  readonly epoch: number;
  /** The newest epoch's admin public key: what users pin. */
  readonly verificationKey: Uint8Array;
  readonly keyRing: KeyRing;
}

/** A repository that was opened with its vault key. */
export interface UnlockedRepository extends Repository {
  readonly secrets: EpochSecrets;
}

interface StoredObject {
  readonly name: ObjectName;
  readonly bytes: Uint8Array;
}

interface StoredRecord extends StoredObject {
  readonly record: EpochRecord;
}

/** Objects of `epochs/` that claim to be record 1, and all others. */
interface StoredRecords {
  readonly first: readonly StoredRecord[];
  readonly later: readonly StoredObject[];
}

/**
 * Opens a repository for reading with a pinned verification key and no secret.
 *
 * @param verificationKey - 32 bytes that came from the user, never from the repository.
 * @throws NbakError `REPOSITORY_NOT_FOUND`, `SIGNER_UNKNOWN`, `SIGNATURE_INVALID`, `OBJECT_CORRUPT`,
 *   `FORMAT_INVALID`, `FORMAT_NEWER` or a STORAGE code.
 */
export async function openWithPublicKey(
  storage: Storage,
  crypto: CryptoProvider,
  verificationKey: Uint8Array,
): Promise<Repository> {
  assertAcceptablePublicKey(verificationKey);
  const stated = verifyRepositoryObject(crypto, await readRepositoryObject(storage));
  const records = await readRecords(storage, crypto);
  const pinned = records.first.find(({ record }) => equalBytes(record.admin, verificationKey));
  if (pinned === undefined) throw unknownKey(storage);
  return authenticate(storage, crypto, { stated, records, pinned });
}

/**
 * Opens a repository by the key that it names itself. Good for showing what is there, with the warning that nothing
 * of it is verified: whoever replaced the repository replaced the key with it.
 *
 * @throws NbakError as {@link openWithPublicKey}.
 */
export async function openUnpinned(storage: Storage, crypto: CryptoProvider): Promise<Repository> {
  const { admin } = verifyRepositoryObject(crypto, await readRepositoryObject(storage));
  return openWithPublicKey(storage, crypto, admin);
}

/**
 * Opens a repository with its vault key.
 *
 * @param keyBytes - the key bytes of §2.1.
 * @throws NbakError `KEY_WRONG` when the key fits no epoch; else as {@link openWithPublicKey}.
 */
export async function openWithVaultKey(
  storage: Storage,
  crypto: CryptoProvider,
  keyBytes: Uint8Array,
): Promise<UnlockedRepository> {
  const stated = verifyRepositoryObject(crypto, await readRepositoryObject(storage));
  const records = await readRecords(storage, crypto);
  if (records.first.length === 0) throw missingRecords(storage);
  for (const pinned of records.first) {
    const secrets = openEpoch(crypto, pinned.record, keyBytes);
    if (secrets === undefined) continue;
    const repository = authenticate(storage, crypto, { stated, records, pinned });
    return { ...repository, secrets };
  }
  throw new NbakError('KEY_WRONG', `The vault key does not fit the repository at ${storage.description}`, {
    details: { repository: storage.description },
    hint: 'Use the vault key that was in force when the repository was made.',
  });
}

async function readRepositoryObject(storage: Storage): Promise<Uint8Array> {
  try {
    return await readWhole(storage, REPOSITORY_NAME, LIMITS.recordBytes);
  } catch (error) {
    if (!isNbakError(error, 'OBJECT_MISSING')) throw error;
    throw new NbakError('REPOSITORY_NOT_FOUND', `There is no repository at ${storage.description}`, {
      details: { repository: storage.description },
      hint: 'Check the path, or make one with `nbak init`.',
      cause: error,
    });
  }
}

/** All records of `epochs/`, shapes of the first checked and nothing trusted yet. */
async function readRecords(storage: Storage, crypto: CryptoProvider): Promise<StoredRecords> {
  const first: StoredRecord[] = [];
  const later: StoredObject[] = [];
  for await (const { name } of storage.list('epochs/')) {
    const { kind, hash } = parseName(name);
    if (kind !== 'epoch') continue;
    const bytes = await readWhole(storage, name, LIMITS.recordBytes);
    if (toHex(crypto.sha256(bytes)) !== hash) {
      throw new NbakError('OBJECT_CORRUPT', `${name} is corrupt: its bytes do not match its name`, {
        details: { object: name },
        hint: 'Take this object from another copy of the repository.',
      });
    }
    if (name.startsWith('epochs/1.')) first.push({ name, bytes, record: decodeFirstRecord(name, bytes) });
    else later.push({ name, bytes });
  }
  return { first, later };
}

function decodeFirstRecord(name: ObjectName, bytes: Uint8Array): EpochRecord {
  const { type, payload } = decodeAnyEnvelope(bytes, LIMITS.recordBytes, name);
  // §13.3: only what has a predecessor is wrapped.
  if (type === SIGNED_TYPES.succession) throw invalidField(name, 'record 1', 'without a succession');
  if (type !== SIGNED_TYPES.epoch) decodeEnvelope(bytes, SIGNED_TYPES.epoch, LIMITS.recordBytes);
  const record = decodeEpochRecord(payload);
  for (const key of [record.admin, ...record.backup]) assertKeyOf(name, key);
  if (record.epoch === 1) return record;
  throw new NbakError('REFERENCE_TAMPERED', `${name} is the record of epoch ${record.epoch}`, {
    details: { object: name, clause: '§13.3' },
  });
}

/** §4.3 for a key that a record names: there it is the record that is wrong. */
function assertKeyOf(what: string, key: Uint8Array): void {
  try {
    assertAcceptablePublicKey(key);
  } catch (error) {
    if (!isNbakError(error)) throw error;
    throw invalidField(what, 'a public key', 'one that §4.3 accepts');
  }
}

/**
 * Checks the object `repository` by the key that it names itself (§13.1): it proves nothing before that key is
 * compared with the accepted record's.
 *
 * @throws NbakError `FORMAT_INVALID`, `FORMAT_NEWER`, `SIGNER_UNKNOWN` or `SIGNATURE_INVALID`.
 */
export function verifyRepositoryObject(crypto: CryptoProvider, object: Uint8Array): RepositoryObject {
  const { payload } = decodeEnvelope(object, SIGNED_TYPES.repository, LIMITS.recordBytes);
  const stated = decodeRepositoryObject(payload);
  assertKeyOf(REPOSITORY_NAME, stated.admin);
  new KeyRing(crypto, stated.id, [{ publicKey: stated.admin, role: 'admin', epoch: 1 }]).verify(object, {
    type: SIGNED_TYPES.repository,
    role: 'admin',
    what: 'the repository object',
  });
  return stated;
}

/**
 * Throws when the repository was rotated to a later epoch since it was opened (§18.1).
 *
 * @throws NbakError `FORMAT_NEWER`.
 */
export async function assertEpochIsNewest({ storage, crypto, keyRing }: Repository): Promise<void> {
  const { later } = await readRecords(storage, crypto);
  for (const object of later) assertNoSuccession(keyRing, object);
}

/** §19.1 steps 3 and 4, from the record of the pinned key. */
function authenticate(
  storage: Storage,
  crypto: CryptoProvider,
  from: {
    readonly stated: RepositoryObject;
    readonly records: StoredRecords;
    readonly pinned: StoredRecord;
  },
): Repository {
  const { stated, records } = from;
  const { record, bytes, name } = from.pinned;
  const admin: KnownKey = { publicKey: record.admin, role: 'admin', epoch: record.epoch };
  const own = new KeyRing(crypto, stated.id, [admin]);
  own.verify(bytes, { type: SIGNED_TYPES.epoch, role: 'admin', what: name });
  if (!equalBytes(stated.admin, record.admin)) throw unknownKey(storage);
  if (record.repository !== stated.id) {
    throw new NbakError(
      'REFERENCE_TAMPERED',
      `${name} and the repository object belong to different repositories`,
      {
        details: { object: name, clause: '§19.1' },
      },
    );
  }
  for (const object of records.later) assertNoSuccession(own, object);
  const backup = record.backup.map((publicKey): KnownKey => ({
    publicKey,
    role: 'backup',
    epoch: record.epoch,
  }));
  return {
    crypto,
    storage,
    id: stated.id,
    names: stated.names,
    created: stated.created,
    epoch: record.epoch,
    verificationKey: record.admin,
    keyRing: new KeyRing(crypto, stated.id, [admin, ...backup]),
  };
}

/** This version writes no successions and follows none; it must not go on under an epoch that was closed. */
function assertNoSuccession(own: KeyRing, { name, bytes }: StoredObject): void {
  try {
    own.verify(bytes, { type: SIGNED_TYPES.succession, role: 'admin', what: name });
  } catch (error) {
    // §19.2: a record that the accepted key does not introduce counts for nothing; `verify` reports it.
    if (isNbakError(error)) return;
    throw error;
  }
  throw new NbakError('FORMAT_NEWER', `Cannot open the repository: ${name} says that its key was rotated`, {
    details: { object: name, clause: '§13.3' },
    hint: 'Use a newer nbak.',
  });
}

function unknownKey(storage: Storage): NbakError {
  return new NbakError(
    'SIGNER_UNKNOWN',
    `The public key is not the key of the repository at ${storage.description}`,
    {
      details: { repository: storage.description },
      hint: 'Either it is the key of another repository, or this repository was replaced by somebody else’s.',
    },
  );
}

function missingRecords(storage: Storage): NbakError {
  return new NbakError('OBJECT_MISSING', `The repository at ${storage.description} has no epoch record`, {
    details: { repository: storage.description },
    hint: 'Take the objects under epochs/ from another copy of the repository.',
  });
}
