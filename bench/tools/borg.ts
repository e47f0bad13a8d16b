/** BorgBackup with encryption and zstd level 1. */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { measure, type Measured } from '../measure.js';
import { deleteAll, sizeOf, type Tool } from './tool.js';

/** Borg with its repository, cache and keys in `directory`. */
export function borgTool(directory: string): Tool {
  const repository = join(directory, 'borg');
  const base = join(directory, 'borg-base');
  const environment = { BORG_REPO: repository, BORG_BASE_DIR: base, BORG_PASSPHRASE: 'for measurements' };
  const run = (args: readonly string[], at = directory): Promise<Measured> =>
    measure({ program: 'borg', args, environment, directory: at });
  let backups = 0;
  return {
    name: 'borg',
    repository,
    async init() {
      deleteAll(repository, base);
      mkdirSync(base);
      backups = 0;
      await run(['init', '--encryption', 'repokey-blake2']);
    },
    backup(source) {
      backups += 1;
      return run(['create', '--compression', 'zstd,1', `::backup-${backups}`, source]);
    },
    verify: () => run(['check', '--verify-data']),
    restore(target) {
      mkdirSync(target);
      return run(['extract', `::backup-${backups}`], target);
    },
    restoredPath: (target, source) => join(target, source),
    stored: () => sizeOf(repository),
  };
}
