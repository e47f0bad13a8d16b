/** The databases of a target, locked for the time of a swap. Implements the second half of §22.10. */

import type { BytePath } from '../../format/path.js';
import { sourcePath } from '../../source/root.js';
import { lockExclusively, type ExclusiveLocks } from '../../source/sqlite/exclusive-locks.js';
import { looksLikeDatabase } from '../../source/sqlite/looks-like-database.js';
import { inUse } from '../../source/stop-check.js';
import type { SeenEntry } from '../../source/entry.js';

/**
 * Locks every database among `entries`.
 *
 * @param target - absolute, one character per byte.
 * @throws NbakError `TARGET_IN_USE`, unless that is to be ignored.
 */
export async function lockDatabases(
  target: string,
  entries: Iterable<SeenEntry>,
  ifRunning: 'refuse' | 'ignore',
): Promise<ExclusiveLocks> {
  if (ifRunning === 'ignore') return { busy: undefined, release: () => Promise.resolve() };
  const place = (path: BytePath): Buffer => sourcePath({ directory: target }, path);
  const databases = [...entries]
    .filter((entry) => entry.kind === 'file' && looksLikeDatabase(entry, place(entry.path)))
    .map(({ path }) => place(path));
  const locks = await lockExclusively(databases);
  if (locks.busy !== undefined) throw inUse(`${locks.busy} is open in an application`, [locks.busy]);
  return locks;
}
