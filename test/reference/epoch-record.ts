/** Epoch records and successions (spec §13.2, §13.3). */
import { equal } from './bytes.js';
import { type Cbor, decode, encode, map } from './cbor.js';
import { demand, fail } from './fail.js';
import { LIMITS } from './limits.js';
import { checkPublicKey } from './public-key.js';
import { keyCheck, recordKey } from './schedule.js';
import { openOnce, sealOnce } from './sealed.js';
import { bstr, fields, int, list, names, tstr, uint } from './shape.js';
import { demandSignature, demandType, type Envelope, fingerprint, readEnvelope } from './signature.js';

export interface Closing {
  readonly heads: Uint8Array[];
  readonly manifests: Uint8Array[];
  readonly packs: Uint8Array[];
  readonly history: Uint8Array[];
}

export interface EpochRecord {
  readonly repository: Uint8Array;
  readonly epoch: number;
  readonly created: number;
  readonly reason: string;
  readonly admin: Uint8Array;
  readonly backup: Uint8Array[];
  readonly origin: number;
  readonly check: Uint8Array;
  readonly previous: Uint8Array | null;
  readonly salt: Uint8Array;
  readonly sealed: Uint8Array;
  readonly closing: Closing | null;
}

/** What a record carries sealed. */
export interface Carried {
  readonly dedupSecrets: { readonly number: number; readonly secret: Uint8Array }[];
  readonly chunkerKey: Uint8Array;
  readonly oldRoot: Uint8Array | null;
}

export const carriedBytes = (carried: Carried): Uint8Array =>
  encode([
    carried.dedupSecrets.map((row): Cbor => [row.number, row.secret]),
    carried.chunkerKey,
    carried.oldRoot,
  ]);

/** Seals what a record carries under the root of its epoch. */
export function sealCarried(
  root: Uint8Array,
  record: Pick<EpochRecord, 'repository' | 'salt' | 'epoch'>,
  carried: Carried,
): Uint8Array {
  return sealOnce(recordKey(root, record.repository, record.salt, record.epoch), carriedBytes(carried));
}

export function recordPayload(record: EpochRecord): Uint8Array {
  const closing = record.closing === null ? null : map({ ...record.closing });
  return encode(map({ ...record, closing }));
}

function readClosing(value: Cbor | undefined): Closing {
  const closing = fields(value, ['heads', 'manifests', 'packs', 'history']);
  const read = (key: string): Uint8Array[] => names(closing[key], 'ascending');
  return {
    heads: read('heads'),
    manifests: read('manifests'),
    packs: read('packs'),
    history: read('history'),
  };
}

const KEYS = ['repository', 'epoch', 'created', 'reason', 'admin', 'backup', 'origin', 'check', 'previous'];

function readPayload(payload: Uint8Array): EpochRecord {
  const invalid = (holds: boolean, message: string): void =>
    demand(holds, 'FORMAT_INVALID', '§13.2', message);
  const record = fields(decode(payload), [...KEYS, 'salt', 'sealed', 'closing']);
  const epoch = uint(record['epoch'], 1, 2 ** 32 - 1);
  const backup = names(record['backup'], 'any');
  invalid(backup.length >= 1 && backup.length <= 16, 'not 1 … 16 backup keys');
  const admin = bstr(record['admin'], 32);
  for (const key of [admin, ...backup]) checkPublicKey(key, 'FORMAT_INVALID');
  const sealed = bstr(record['sealed']);
  const first = epoch === 1;
  invalid((record['previous'] === null) === first, 'previous is null in record 1 and only there');
  invalid((record['closing'] === null) === first, 'closing is null in record 1 and only there');
  return {
    repository: bstr(record['repository'], 16),
    epoch,
    created: int(record['created']),
    reason: tstr(record['reason']),
    admin,
    backup,
    origin: uint(record['origin'], 0, 1),
    check: bstr(record['check'], 32),
    previous: first ? null : bstr(record['previous'], 32),
    salt: bstr(record['salt'], 32),
    sealed,
    closing: first ? null : readClosing(record['closing']),
  };
}

/** A record as stored, with the signature of the old epoch where there is one. */
export interface StoredRecord {
  readonly record: EpochRecord;
  readonly succession: Envelope | null;
}

/** Reads the bytes of an object `epochs/…`; the record's own signature is verified, the succession's is not yet. */
export function readStoredRecord(bytes: Uint8Array, id: Uint8Array): StoredRecord {
  const outer = readEnvelope(bytes, LIMITS.recordBytes);
  const succession = outer.type === 'nbak/v2/succession' ? outer : null;
  const inner = succession === null ? outer : readEnvelope(succession.payload, LIMITS.recordBytes);
  demandType(inner, 'epoch');
  const record = readPayload(inner.payload);
  demand(
    equal(inner.fingerprint, fingerprint(record.admin)),
    'SIGNER_UNKNOWN',
    '§13.2',
    'not signed by its own key',
  );
  demandSignature(inner, id, record.admin);
  demand(equal(record.repository, id), 'REFERENCE_TAMPERED', '§13.2', 'another repository');
  const wrapped = succession !== null;
  demand(
    wrapped === record.epoch > 1,
    'FORMAT_INVALID',
    '§13.3',
    'records above 1 are wrapped, record 1 is not',
  );
  return { record, succession };
}

/** Opens what a record carries: key check first, then the sealed part. */
export function openCarried(record: EpochRecord, root: Uint8Array): Carried {
  const { repository, epoch } = record;
  demand(
    equal(keyCheck(root, repository, epoch), record.check),
    'KEY_WRONG',
    '§3.3',
    'the key check differs',
  );
  const plaintext = openOnce(recordKey(root, repository, record.salt, epoch), record.sealed);
  if (plaintext === undefined) fail('REFERENCE_TAMPERED', '§13.2', 'the sealed part does not open');
  const [secretItems, chunkerKey, oldRoot] = list(decode(plaintext), 3);
  const dedupSecrets = list(secretItems).map((item) => {
    const [number, secret] = list(item, 2);
    return { number: uint(number, 1), secret: bstr(secret, 32) };
  });
  const ascend = dedupSecrets.every((row, i) => i === 0 || (dedupSecrets[i - 1]?.number ?? 0) < row.number);
  demand(dedupSecrets.length > 0 && ascend, 'FORMAT_INVALID', '§13.2', 'dedup secrets not ascending');
  const first = epoch === 1;
  demand(
    (oldRoot === null) === first,
    'FORMAT_INVALID',
    '§13.2',
    'old root is null in record 1 and only there',
  );
  return { dedupSecrets, chunkerKey: bstr(chunkerKey, 32), oldRoot: first ? null : bstr(oldRoot, 32) };
}
