/** Epoch records and what they seal. Implements §13.2. */

import { compareBytes } from './bytes.js';
import { decodeCbor, encodeCbor, type CborValue } from './cbor.js';
import { idFromBytes, idToBytes, type BackupId, type PackId, type RepositoryId } from './ids.js';
import {
  asArray,
  asBytes,
  asCount,
  asInt,
  asRecord,
  asText,
  asUint,
  assertAscending,
  invalidField,
} from './shape.js';

/** What a record states when it closes the epoch before it: ids as hex, ascending. */
export interface Closing {
  readonly heads: readonly BackupId[];
  readonly manifests: readonly BackupId[];
  readonly packs: readonly PackId[];
  /** SHA-256 of the old epoch's tombstone objects. */
  readonly history: readonly string[];
}

/** An epoch record's payload. */
export interface EpochRecord {
  readonly repository: RepositoryId;
  readonly epoch: number;
  readonly created: number;
  readonly reason: string;
  /** The epoch's admin public key, 32 bytes. */
  readonly admin: Uint8Array;
  readonly backup: readonly Uint8Array[];
  readonly origin: 'vault-key' | 'slots';
  readonly check: Uint8Array;
  /** SHA-256 of the stored record before this one. */
  readonly previous: Uint8Array | undefined;
  readonly salt: Uint8Array;
  /** Commitment ‖ ciphertext ‖ authentication tag (§3.9). */
  readonly sealed: Uint8Array;
  readonly closing: Closing | undefined;
}

/** A secret that makes chunks comparable, and the number by which pages and packs name it. */
export interface DedupSecret {
  readonly number: number;
  readonly secret: Uint8Array;
}

/** What a record carries forward in its seal. */
export interface CarriedSecrets {
  /** Dedup secrets by number, ascending; the last is current. */
  readonly dedup: readonly DedupSecret[];
  readonly chunkerKey: Uint8Array;
  readonly oldRoot: Uint8Array | undefined;
}

/** The dedup secret of everything new. */
export function currentDedup({ dedup }: Pick<CarriedSecrets, 'dedup'>): DedupSecret {
  const current = dedup.at(-1);
  if (current === undefined) throw new RangeError('a repository has at least one dedup secret');
  return current;
}

const MOST_BACKUP_KEYS = 16;

/** Encodes an epoch record's payload. */
export function encodeEpochRecord(record: EpochRecord): Uint8Array {
  const { closing } = record;
  return encodeCbor(
    new Map<string, CborValue>([
      ['repository', idToBytes(record.repository)],
      ['epoch', record.epoch],
      ['created', record.created],
      ['reason', record.reason],
      ['admin', record.admin],
      ['backup', [...record.backup]],
      ['origin', record.origin === 'slots' ? 1 : 0],
      ['check', record.check],
      ['previous', record.previous ?? null],
      ['salt', record.salt],
      ['sealed', record.sealed],
      [
        'closing',
        closing === undefined
          ? null
          : new Map<string, CborValue>([
              ['heads', closing.heads.map(idToBytes)],
              ['manifests', closing.manifests.map(idToBytes)],
              ['packs', closing.packs.map(idToBytes)],
              ['history', closing.history.map((name) => idToBytes(name as BackupId))],
            ]),
      ],
    ]),
  );
}

/**
 * Decodes an epoch record's payload.
 *
 * @throws NbakError `FORMAT_INVALID`.
 */
export function decodeEpochRecord(payload: Uint8Array): EpochRecord {
  const structure = 'an epoch record';
  const f = asRecord(decodeCbor(payload, structure), structure, [
    'repository',
    'epoch',
    'created',
    'reason',
    'admin',
    'backup',
    'origin',
    'check',
    'previous',
    'salt',
    'sealed',
    'closing',
  ]);
  const epoch = asCount(f.epoch, structure, 'epoch', 0xffff_ffff);
  const backup = asArray(f.backup, structure, 'backup').map((key) =>
    asBytes(key, structure, 'backup key', 32),
  );
  if (backup.length < 1 || backup.length > MOST_BACKUP_KEYS)
    throw invalidField(structure, 'backup', '1 to 16 keys');
  if ((epoch === 1) !== (f.previous === null) || (epoch === 1) !== (f.closing === null)) {
    throw invalidField(structure, 'previous and closing', 'null in record 1 and only there');
  }
  return {
    repository: idFromBytes(asBytes(f.repository, structure, 'repository', 16)),
    epoch,
    created: asInt(f.created, structure, 'created'),
    reason: asText(f.reason, structure, 'reason'),
    admin: asBytes(f.admin, structure, 'admin', 32),
    backup,
    origin: asUint(f.origin, structure, 'origin', 1) === 1 ? 'slots' : 'vault-key',
    check: asBytes(f.check, structure, 'check', 32),
    previous: f.previous === null ? undefined : asBytes(f.previous, structure, 'previous', 32),
    salt: asBytes(f.salt, structure, 'salt', 32),
    sealed: asBytes(f.sealed, structure, 'sealed'),
    closing: f.closing === null ? undefined : decodeClosing(f.closing),
  };
}

function decodeClosing(value: CborValue): Closing {
  const structure = "an epoch record's closing";
  const f = asRecord(value, structure, ['heads', 'manifests', 'packs', 'history']);
  const names = <T extends BackupId | PackId>(list: CborValue, field: string): T[] => {
    const items = asArray(list, structure, field).map((item) => asBytes(item, structure, field, 32));
    assertAscending(items, compareBytes, structure, field);
    return items.map((item) => idFromBytes<T>(item));
  };
  return {
    heads: names(f.heads, 'heads'),
    manifests: names(f.manifests, 'manifests'),
    packs: names(f.packs, 'packs'),
    history: names<BackupId>(f.history, 'history'),
  };
}

/** Encodes what a record seals. */
export function encodeCarriedSecrets({ dedup, chunkerKey, oldRoot }: CarriedSecrets): Uint8Array {
  return encodeCbor([dedup.map(({ number, secret }) => [number, secret]), chunkerKey, oldRoot ?? null]);
}

/**
 * Decodes what the record of `epoch` sealed.
 *
 * @throws NbakError `FORMAT_INVALID`.
 */
export function decodeCarriedSecrets(plaintext: Uint8Array, epoch: number): CarriedSecrets {
  const structure = "an epoch record's seal";
  const [list, chunkerKey, oldRoot] = asArray(decodeCbor(plaintext, structure), structure, 'the seal', 3);
  const dedup = asArray(list, structure, 'dedup secrets').map((item) => {
    const [number, secret] = asArray(item, structure, 'a dedup secret', 2);
    return { number: asCount(number, structure, 'number'), secret: asBytes(secret, structure, 'secret', 32) };
  });
  if (dedup.length === 0) throw invalidField(structure, 'dedup secrets', 'at least one');
  assertAscending(dedup, (a, b) => a.number - b.number, structure, 'dedup secrets');
  if ((epoch === 1) !== (oldRoot === null))
    throw invalidField(structure, 'old root', 'null in record 1 and only there');
  return {
    dedup,
    chunkerKey: asBytes(chunkerKey, structure, 'chunker key', 32),
    oldRoot: oldRoot === null ? undefined : asBytes(oldRoot, structure, 'old root', 32),
  };
}
