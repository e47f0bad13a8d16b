/** nbak as built in dist/. */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { measure, type Measured } from '../measure.js';
import { deleteAll, sizeOf, type Tool } from './tool.js';

/** The built program. */
export const PROGRAM = fileURLToPath(new URL('../../program/nbak.js', import.meta.url));

/** nbak, and what only its own suites ask. */
export interface NbakTool extends Tool {
  /** Runs any command with the repository and the vault key. */
  run(...args: readonly string[]): Promise<Measured>;
  /** Restores the backup of this id, databases unchecked. */
  restoreBackup(id: string, target: string): Promise<Measured>;
  readonly keyFile: string;
  readonly environment: Readonly<Record<string, string>>;
  /** The verification key of the repository of the last `init`. */
  publicKey(): string;
}

/** nbak with its repository, cache and key in `directory`, run by `runCommand`. */
export function nbakTool(directory: string, runCommand = measure): NbakTool {
  const repository = join(directory, 'nbak');
  const cache = join(directory, 'nbak-cache');
  const keyFile = join(directory, 'vault.key');
  const environment = { NBAK_CACHE_DIR: cache, NBAK_REPOSITORY: repository };
  const run = (...args: readonly string[]): Promise<Measured> =>
    runCommand({ program: process.execPath, args: [PROGRAM, ...args, '--json'], environment });
  const withKey = ['--vault-key-file', keyFile] as const;
  const restoreBackup = (id: string, target: string): Promise<Measured> =>
    run('restore', id, '--target', target, '--check', 'none', ...withKey);
  let publicKey = '';
  return {
    name: 'nbak',
    async init() {
      deleteAll(repository, cache, keyFile);
      await run('key', 'generate', '--out', keyFile);
      const { stdout } = await run('init', ...withKey);
      publicKey = (JSON.parse(stdout) as { readonly verificationKey: string }).verificationKey;
    },
    backup: (source) => run('backup', source, ...withKey),
    verify: () => run('verify', '--public-key', publicKey),
    restore: (target) => restoreBackup('latest', target),
    restoreChecked: (target) => run('restore', 'latest', '--target', target, ...withKey),
    restoredPath: (target) => target,
    stored: () => sizeOf(repository),
    run: (...args) => run(...args, ...withKey),
    restoreBackup,
    repository,
    keyFile,
    environment,
    publicKey: () => publicKey,
  };
}

/** The id of the backup that a run made. */
export function backupId({ stdout }: Measured): string {
  return (JSON.parse(stdout) as { readonly id: string }).id;
}
