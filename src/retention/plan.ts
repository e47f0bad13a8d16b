/** What a forget would do, found out without changing anything (§12.3, §17.4). */

import { NbakError } from '../errors.js';
import type { TombstoneRow } from '../format/history.js';
import type { BackupId } from '../format/ids.js';
import { listBackupIds, readBackup, readTombstones, type Backup } from '../repository/manifests.js';
import type { Repository } from '../repository/open.js';

/** What `forget` will do. */
export interface ForgetPlan {
  /** Backups that get a tombstone and are then deleted, ascending by id. */
  readonly backups: readonly Backup[];
  /** Manifests that a tombstone names already: a forget that was cut off left them, and they are deleted too. */
  readonly leftOver: readonly BackupId[];
}

/**
 * Reads what forgetting `ids` needs; writes nothing. What was forgotten already is no error.
 *
 * @throws NbakError `BACKUP_NOT_FOUND` for an id that was never there; what reading throws for a manifest or tombstone
 *   that does not verify: nobody can sign what a manifest says that cannot be read.
 */
export async function planForget(repository: Repository, ids: readonly BackupId[]): Promise<ForgetPlan> {
  const present = new Set(await listBackupIds(repository));
  const rows = await readTombstones(repository, (_, error) => {
    throw error;
  });
  const forgotten = new Map(rows.map((row) => [row.digest, row] as const));
  const backups: Backup[] = [];
  for (const id of [...new Set(ids)].sort()) {
    if (forgotten.has(id)) continue;
    if (!present.has(id))
      throw new NbakError('BACKUP_NOT_FOUND', `There is no backup ${id}`, { details: { backup: id } });
    backups.push(await readBackup(repository, id));
  }
  return { backups, leftOver: await leftOver(repository, present, forgotten) };
}

/** Only what its tombstone agrees with is left over; a contradiction is evidence, which `verify` reports (§12.3). */
async function leftOver(
  repository: Repository,
  present: ReadonlySet<BackupId>,
  forgotten: ReadonlyMap<BackupId, TombstoneRow>,
): Promise<readonly BackupId[]> {
  const ids: BackupId[] = [];
  for (const [id, { sequence, parents }] of forgotten) {
    if (!present.has(id)) continue;
    const { manifest } = await readBackup(repository, id);
    const agrees = manifest.sequence === sequence && manifest.parents.join() === parents.join();
    if (agrees) ids.push(id);
  }
  return ids.sort();
}
