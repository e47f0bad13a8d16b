/** Tombstones: signed statements that backups were forgotten on purpose. Implements §12.3. */

import { compareBytes } from './bytes.js';
import { decodeCbor, encodeCbor } from './cbor.js';
import { idFromBytes, idToBytes, type BackupId, type RepositoryId } from './ids.js';
import { asArray, asBytes, asInt, asUint, assertAscending, invalidField } from './shape.js';

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
 * @throws NbakError `FORMAT_INVALID`.
 */
export function decodeTombstone(payload: Uint8Array): Tombstone {
  const structure = 'a tombstone';
  const [repository, time, list] = asArray(decodeCbor(payload, structure), structure, 'the payload', 3);
  const rows = asArray(list, structure, 'rows').map((row): TombstoneRow => {
    const [digest, sequence, parents, successor] = asArray(row, structure, 'a row', 4);
    return {
      digest: idFromBytes(asBytes(digest, structure, 'digest', 32)),
      sequence: asUint(sequence, structure, 'sequence'),
      parents: asArray(parents, structure, 'parents').map((parent) =>
        idFromBytes(asBytes(parent, structure, 'parent', 32)),
      ),
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
