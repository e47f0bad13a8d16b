/** How a pinned key introduces all other keys (spec §19.1, §19.2). */
import { ascii, compare, equal, hex } from './bytes.js';
import { demand } from './fail.js';
import { type EpochRecord, readStoredRecord, type StoredRecord } from './epoch-record.js';
import { readRepositoryObject } from './repository-object.js';
import { hash } from './schedule.js';
import { fingerprint, type Signer } from './signature.js';
import { verifies } from './public-key.js';
import { signedBytes } from './signature.js';

/** An object below `epochs/`; `name` is the whole name. */
export interface NamedObject {
  readonly name: string;
  readonly bytes: Uint8Array;
}

interface Candidate extends StoredRecord {
  readonly name: string;
  readonly digest: Uint8Array;
}

export interface Introduction {
  readonly id: Uint8Array;
  readonly names: number;
  readonly accepted: EpochRecord[];
  readonly signers: Signer[];
  /** Names of objects below `epochs/` that count for nothing: no record, or one that no accepted key introduces. */
  readonly ignored: string[];
}

function readCandidate(object: NamedObject, id: Uint8Array): Candidate | null {
  const digest = hash(object.bytes);
  const match = /^epochs\/([1-9][0-9]*)\.([0-9a-f]{64})$/.exec(object.name);
  if (match === null) return null;
  demand(match[2] === hex(digest), 'OBJECT_CORRUPT', '§16.1', 'the SHA-256 is not the name');
  const stored = readStoredRecord(object.bytes, id);
  demand(match[1] === String(stored.record.epoch), 'REFERENCE_TAMPERED', '§13.3', 'named by another number');
  return { ...stored, name: object.name, digest };
}

function succeeds(next: Candidate, before: Candidate, id: Uint8Array): boolean {
  const { record, succession } = next;
  const key = before.record.admin;
  if (succession === null || record.previous === null || record.epoch !== before.record.epoch + 1)
    return false;
  if (!equal(record.previous, before.digest) || !equal(succession.fingerprint, fingerprint(key)))
    return false;
  return verifies(succession.signature, signedBytes(succession.type, id, key, succession.payload), key);
}

const precedes = (older: Candidate, later: Candidate): boolean =>
  later.record.previous !== null &&
  older.record.epoch === later.record.epoch - 1 &&
  equal(older.digest, later.record.previous);

function accept(candidates: readonly Candidate[], pinned: Uint8Array, id: Uint8Array): Candidate[] {
  const accepted = candidates.filter((candidate) => equal(candidate.record.admin, pinned));
  demand(accepted.length > 0, 'SIGNER_UNKNOWN', '§19.2', 'no record names the pinned key');
  for (let forward = true; forward;) {
    const more = candidates.filter(
      (candidate) =>
        !accepted.includes(candidate) && accepted.some((before) => succeeds(candidate, before, id)),
    );
    accepted.push(...more);
    forward = more.length > 0;
  }
  for (let backward = true; backward;) {
    const more = candidates.filter(
      (candidate) => !accepted.includes(candidate) && accepted.some((later) => precedes(candidate, later)),
    );
    accepted.push(...more);
    backward = more.length > 0;
  }
  return accepted;
}

/** Reads `repository` and all records, and gives the keys that the pinned key introduces. */
export function introduceKeys(
  repository: Uint8Array,
  records: readonly NamedObject[],
  pinned: Uint8Array,
): Introduction {
  const root = readRepositoryObject(repository);
  const { id } = root;
  const candidates = records.map((object) => readCandidate(object, id)).filter((record) => record !== null);
  const accepted = accept(candidates, pinned, id).sort((a, b) => a.record.epoch - b.record.epoch);
  accepted.forEach((candidate, i) => {
    const twins = accepted[i + 1]?.record.epoch === candidate.record.epoch;
    demand(!twins, 'REFERENCE_TAMPERED', '§19.2', 'two records of one number');
  });
  const first = accepted[0]?.record;
  demand(first?.epoch === 1, 'OBJECT_MISSING', '§19.1', 'record 1 is not there');
  demand(
    equal(first.admin, root.admin),
    'SIGNER_UNKNOWN',
    '§19.1',
    'not signed by the admin key of record 1',
  );
  const signers = accepted.flatMap(({ record }): Signer[] => [
    { role: 'admin', epoch: record.epoch, publicKey: record.admin },
    ...record.backup.map((publicKey): Signer => ({ role: 'backup', epoch: record.epoch, publicKey })),
  ]);
  const names = accepted.map((candidate) => candidate.name);
  const ignored = records.map((object) => object.name).filter((name) => !names.includes(name));
  ignored.sort((a, b) => compare(ascii(a), ascii(b)));
  return { id, names: root.names, accepted: accepted.map((candidate) => candidate.record), signers, ignored };
}
