/** Real repositories in memory, small enough that every byte and bit of them can be attacked. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { nodeCrypto } from '#nbak/crypto/node.js';
import type { BackupId } from '#nbak/format/ids.js';
import type { NamesMode } from '#nbak/format/manifest.js';
import { initRepository } from '#nbak/repository/init.js';
import { openCatalog } from '#nbak/repository/catalog.js';
import { openWithVaultKey, type UnlockedRepository } from '#nbak/repository/open.js';
import { memoryStorage } from '#nbak/storage/memory.js';
import type { Storage } from '#nbak/storage/storage.js';
import { runBackup, withDirectory } from './engine-run.js';
import { snapshotOf, type Snapshot } from './snapshots.js';

/** The vault key of the tests, so that repositories of one vault can be mixed. */
export const KEY_BYTES = new Uint8Array(32).fill(7);

/** Content by path. */
export type Files = Readonly<Record<string, string | Uint8Array>>;

/** A repository, opened, and what was backed up into it. */
export interface TestRepository {
  readonly storage: Storage;
  readonly unlocked: UnlockedRepository;
  readonly publicKey: Uint8Array;
}

/** A repository with nothing in it. */
export async function emptyRepository(
  names: NamesMode = 'plain',
  storage = memoryStorage(),
): Promise<TestRepository> {
  await initRepository(storage, nodeCrypto, { keyBytes: KEY_BYTES, names, now: Date.now() });
  const unlocked = await openWithVaultKey(storage, nodeCrypto, KEY_BYTES);
  return { storage, unlocked, publicKey: unlocked.verificationKey };
}

/** A repository with one backup per item of `states`, each of the same directory. */
export async function repositoryOf(
  states: readonly Files[],
  names: NamesMode = 'plain',
): Promise<TestRepository & { readonly backups: readonly BackupId[]; readonly snapshot: Snapshot }> {
  const repository = await emptyRepository(names);
  const catalog = openCatalog(undefined, repository.unlocked.id);
  const backups = await withDirectory(async (directory) => {
    const ids: BackupId[] = [];
    for (const files of states) {
      writeFiles(join(directory, 's'), files);
      ids.push((await runBackup(repository.unlocked, [join(directory, 's')], { catalog })).id);
    }
    return ids;
  });
  catalog.close();
  return { ...repository, backups, snapshot: await snapshotOf(repository.storage) };
}

/** Writes files below `directory`. */
export function writeFiles(directory: string, files: Files): void {
  for (const [path, content] of Object.entries(files)) {
    const place = join(directory, path);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, content);
  }
}

/** What the tiny repository holds. */
export const TINY_FILES: Files = { a: 'the first file\n', b: 'the second, another one\n' };

/** One backup of two files: every kind of object that a backup writes, in at most 4 KiB. */
export function tinyRepository(names: NamesMode = 'plain'): ReturnType<typeof repositoryOf> {
  return repositoryOf([TINY_FILES], names);
}
