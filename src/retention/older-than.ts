/** The rule by which nodyn prunes: days, and never the newest. */

import type { BackupId } from '../format/ids.js';
import { newestFirst, type PlacedBackup } from '../repository/manifests.js';

/**
 * The backups whose state is older than `days` calendar days of this machine's time zone. The newest is never among
 * them, and 0 or fewer days mean none.
 *
 * @param now - milliseconds since 1970.
 * @throws RangeError where `days` is not a number.
 *
 * @example
 * ```ts
 * import { forget, olderThan, planForget, readBackups, type UnlockedRepository } from 'nbak';
 *
 * async function keepAMonth(repository: UnlockedRepository): Promise<void> {
 *   const { backups, unreadable } = await readBackups(repository);
 *   if (unreadable[0] !== undefined) throw unreadable[0].error;
 *   await forget(repository, await planForget(repository, olderThan(backups, 30, Date.now())));
 * }
 *
 * console.assert(typeof keepAMonth === 'function');
 * ```
 */
export function olderThan(backups: readonly PlacedBackup[], days: number, now: number): readonly BackupId[] {
  if (Number.isNaN(days)) throw new RangeError('days is not a number');
  if (days <= 0) return [];
  const cutoff = new Date(now);
  cutoff.setDate(cutoff.getDate() - days);
  return [...backups]
    .sort(newestFirst)
    .slice(1)
    .filter(({ manifest }) => manifest.time < cutoff.getTime())
    .map(({ id }) => id);
}
