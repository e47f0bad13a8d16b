/** restic with its default settings. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { measure, type Measured } from '../measure.js';
import { deleteAll, sizeOf, type Tool } from './tool.js';

/** restic with its repository, cache and password in `directory`. */
export function resticTool(directory: string): Tool {
  const repository = join(directory, 'restic');
  const cache = join(directory, 'restic-cache');
  const password = join(directory, 'restic.password');
  const environment = {
    RESTIC_REPOSITORY: repository,
    RESTIC_PASSWORD_FILE: password,
    RESTIC_CACHE_DIR: cache,
  };
  const run = (...args: readonly string[]): Promise<Measured> =>
    measure({ program: 'restic', args, environment });
  return {
    name: 'restic',
    repository,
    async init() {
      deleteAll(repository, cache);
      writeFileSync(password, 'a password for measurements\n');
      await run('init');
    },
    backup: (source) => run('backup', '--quiet', source),
    verify: () => run('check', '--read-data', '--quiet'),
    restore: (target) => run('restore', '--quiet', 'latest', '--target', target),
    // It restores absolute paths.
    restoredPath: (target, source) => join(target, source),
    stored: () => sizeOf(repository),
  };
}
