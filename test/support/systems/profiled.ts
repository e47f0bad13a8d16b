/** A built directory, backed up as the program does: under the profiles that recognise it. */

import { homedir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { backup } from '#nbak/backup/backup.js';
import type { BackupResult } from '#nbak/backup/result.js';
import { openCatalog } from '#nbak/repository/catalog.js';
import { applyProfiles, type ProfiledSources } from '#nbak/source/profiles/apply.js';
import type { ProfileRequest } from '#nbak/source/profiles/rules-in-force.js';
import { restoreBackup } from '../engine-run.js';
import { emptyRepository, KEY_BYTES } from '../tiny-repository.js';
import type { BuiltSystem } from './files.js';
import { testDirectory } from './scene.js';

/** What is told to the profiles besides the directory. */
export interface ProfileWish {
  /** Paths below the built root; default the root itself. */
  readonly sources?: readonly string[];
  readonly includeSecrets?: boolean;
  /** The text of the vault key in use. */
  readonly vaultKey?: string;
  readonly variables?: Readonly<Record<string, string>>;
}

/** What came of it. */
export interface ProfiledBackup<T extends BuiltSystem> {
  readonly built: T;
  readonly profiled: ProfiledSources;
  readonly result: BackupResult;
  readonly restore: () => Promise<string>;
}

/** What profiles are asked about a built directory. */
export function profileRequest(root: string, wish: ProfileWish = {}): ProfileRequest {
  const { sources = [''], includeSecrets = false, vaultKey, variables = {} } = wish;
  return {
    sources: sources.map((path) => join(root, path)),
    profile: 'auto',
    includeSecrets,
    vaultKey: vaultKey === undefined ? undefined : Buffer.from(vaultKey),
    environment: { variables, home: homedir(), workingDirectory: root },
  };
}

/** Builds a directory and backs it up into a repository in memory. */
export async function backedUpByProfile<T extends BuiltSystem>(
  build: (root: string) => T,
  wish: ProfileWish = {},
): Promise<ProfiledBackup<T>> {
  const directory = testDirectory();
  const built = build(join(directory, 'state'));
  const { unlocked, storage } = await emptyRepository();
  const catalog = openCatalog(undefined, unlocked.id);
  onTestFinished(() => void catalog.close());
  const profiled = applyProfiles(profileRequest(built.root, wish));
  const { sources, profile, outside } = profiled;
  const result = await backup(unlocked, catalog, {
    selection: { sources, exclude: [], excludeCaches: false, oneFileSystem: false, skip: [] },
    labels: { host: 'h', tags: [], purpose: 'ordinary', writer: 't', profile, outside },
    stagingDirectory: directory,
    lockWaitMs: 1000,
    threads: 0,
  });
  return {
    built,
    profiled,
    result,
    restore: async () => {
      const target = join(directory, 'restored');
      await restoreBackup(storage, KEY_BYTES, { target });
      return target;
    },
  };
}
