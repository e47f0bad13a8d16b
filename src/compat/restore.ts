/** Restoring over an application's directory, with a safety backup of what is there. */

import { existsSync } from 'node:fs';
import { defaultCacheDirectory } from '../repository/cache-directory.js';
import { restoreOver } from '../restore/in-place/restore-over.js';
import { restore } from '../restore/restore.js';
import type { RestoreOptions, RestoreResult } from '../restore/result.js';
import { NbakError } from '../errors.js';
import { Opened, THREADS } from './opened.js';
import type { Settings } from './settings.js';

/**
 * Restores into the directory of `settings`.
 *
 * @param backUpFirst - makes the safety backup; not called where there is no such directory.
 * @throws NbakError what opening, `restore` and `restoreOver` throw; `TARGET_FAILED` where a file or database could
 *   not be restored, which leaves a directory that is there what it was.
 */
export async function restoreDirectory(
  settings: Settings,
  path: string,
  backUpFirst: () => Promise<void>,
): Promise<RestoreResult> {
  await using opened = await Opened.existing(settings);
  const source = await opened.backup(path);
  const { directory, backupDir } = settings;
  const options: RestoreOptions = {
    target: directory,
    selection: { paths: [], include: [], exclude: [] },
    check: 'full',
    threads: THREADS,
  };
  const result = existsSync(directory)
    ? await restoreOver(source, {
        restore: options,
        policy: { way: 'in-place' },
        root: undefined,
        keep: [backupDir, defaultCacheDirectory()],
        ifRunning: 'refuse',
        beforeStaging: backUpFirst,
      })
    : await restore(source, options);
  const damaged = result.databases.filter(({ verdict }) => verdict === 'failed');
  const [first] = [...result.failed, ...damaged];
  if (first === undefined) return result;
  throw new NbakError('TARGET_FAILED', `Not restored: ${first.path}: ${first.message}`, {
    details: { target: directory, paths: [...result.failed, ...damaged].map((each) => each.path) },
    hint: 'A directory that was there is what it was. Verify the backup, or restore another one.',
  });
}
