/** The programs that are compared, each behind the same few verbs. */

import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { measure, type Measured } from './measure.js';

/** A backup program with a repository of its own. */
export interface Tool {
  readonly name: string;
  init(): Promise<void>;
  backup(source: string): Promise<Measured>;
  /** Reads and checks everything that is stored. */
  verify(): Promise<Measured>;
  restore(target: string): Promise<Measured>;
  /** Bytes of the repository. */
  stored(): number;
}

const PROGRAM = fileURLToPath(new URL('../program/nbak.js', import.meta.url));

/** nbak as built in dist/. */
export function nbakTool(directory: string): Tool {
  const repository = join(directory, 'nbak');
  const key = join(directory, 'vault.key');
  const environment = { NBAK_CACHE_DIR: join(directory, 'nbak-cache'), NBAK_REPOSITORY: repository };
  const run = (...args: readonly string[]): Promise<Measured> =>
    measure(process.execPath, [PROGRAM, ...args, '--json'], environment);
  let publicKey = '';
  return {
    name: 'nbak',
    async init() {
      for (const path of [repository, environment.NBAK_CACHE_DIR, key])
        rmSync(path, { recursive: true, force: true });
      await run('key', 'generate', '--out', key);
      const { stdout } = await run('init', '--vault-key-file', key);
      publicKey = (JSON.parse(stdout) as { readonly verificationKey: string }).verificationKey;
    },
    backup: (source) => run('backup', source, '--vault-key-file', key),
    verify: () => run('verify', '--public-key', publicKey),
    restore: (target) =>
      run('restore', 'latest', '--target', target, '--vault-key-file', key, '--check', 'none'),
    stored: () => sizeOf(repository),
  };
}

/** restic with its default settings. */
export function resticTool(directory: string): Tool {
  const repository = join(directory, 'restic');
  const password = join(directory, 'restic.password');
  const environment = {
    RESTIC_REPOSITORY: repository,
    RESTIC_PASSWORD_FILE: password,
    RESTIC_CACHE_DIR: join(directory, 'restic-cache'),
  };
  const run = (...args: readonly string[]): Promise<Measured> => measure('restic', args, environment);
  return {
    name: 'restic',
    async init() {
      for (const path of [repository, environment.RESTIC_CACHE_DIR])
        rmSync(path, { recursive: true, force: true });
      writeFileSync(password, 'a password for measurements\n');
      await run('init');
    },
    backup: (source) => run('backup', '--quiet', source),
    verify: () => run('check', '--read-data', '--quiet'),
    restore: (target) => run('restore', '--quiet', 'latest', '--target', target),
    stored: () => sizeOf(repository),
  };
}

/** The first line of a program's version, undefined where it is not installed. */
export function versionOf(program: string, ...args: readonly string[]): string | undefined {
  try {
    return execFileSync(program, args, { encoding: 'utf8' }).split('\n')[0];
  } catch {
    return undefined;
  }
}

function sizeOf(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}
