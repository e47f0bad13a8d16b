/** Tombstones: signed statements that backups were forgotten on purpose. Implements §12.3. */

import { compareBytes } from './bytes.js';
import { decodeCbor, encodeCbor, type CborValue } from './cbor.js';
import { idFromBytes, idToBytes, type BackupId, type RepositoryId } from './ids.js';
import { LIMITS } from './limits.js';
import { asArray, asBytes, asCount, asInt, assertAscending, invalidField, limitExceeded } from './shape.js';

/** One forgotten backup. */
export interface TombstoneRow {
  readonly digest: BackupId;
  readonly sequence: number;
  readonly parents: readonly BackupId[];
  readonly successor: BackupId | undefined;
}

/** A tombstone object's payload. */
export interface Tombstone {
  readonly repository: RepositoryId;
  readonly time: number;
  readonly rows: readonly TombstoneRow[];
}

/** Encodes a tombstone's payload. */
export function encodeTombstone({ repository, time, rows }: Tombstone): Uint8Array {
  return encodeCbor([
    idToBytes(repository),
    time,
    rows.map(({ digest, sequence, parents, successor }) => [
      idToBytes(digest),
      sequence,
      parents.map(idToBytes),
      successor === undefined ? null : idToBytes(successor),
    ]),
  ]);
}

/**
 * Decodes a tombstone's payload, whose signature has been verified.
 *
 * @throws NbakError `FORMAT_INVALID` or `LIMIT_EXCEEDED`.
 */
export function decodeTombstone(payload: Uint8Array): Tombstone {
  const structure = 'a tombstone';
  const [repository, time, list] = asArray(decodeCbor(payload, structure), structure, 'the payload', 3);
  const rows = asArray(list, structure, 'rows').map((row): TombstoneRow => {
    const [digest, sequence, parents, successor] = asArray(row, structure, 'a row', 4);
    return {
      digest: idFromBytes(asBytes(digest, structure, 'digest', 32)),
      sequence: asCount(sequence, structure, 'sequence'),
      parents: decodeParents(parents, structure),
      successor: successor === null ? undefined : idFromBytes(asBytes(successor, structure, 'successor', 32)),
    };
  });
  if (rows.length === 0) throw invalidField(structure, 'rows', 'at least one');
  assertAscending(rows, (a, b) => compareBytes(idToBytes(a.digest), idToBytes(b.digest)), structure, 'rows');
  return {
    repository: idFromBytes(asBytes(repository, structure, 'id', 16)),
    time: asInt(time, structure, 'time'),
    rows,
  };
}

/**
 * Decodes a list of parents: of a manifest, and of a tombstone's row.
 *
 * @throws NbakError `FORMAT_INVALID` or `LIMIT_EXCEEDED`.
 */
export function decodeParents(value: CborValue | undefined, structure: string): readonly BackupId[] {
  const parents = asArray(value, structure, 'parents').map((parent) =>
    asBytes(parent, structure, 'parent', 32),
  );
  if (parents.length > LIMITS.parents)
    throw limitExceeded(structure, 'parents', parents.length, LIMITS.parents);
  assertAscending(parents, compareBytes, structure, 'parents');
  return parents.map((parent) => idFromBytes<BackupId>(parent));
}
