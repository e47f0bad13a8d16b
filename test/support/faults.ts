/** What fault tests share: a repository with a history, a source that has grown since, and runs under planned faults. */

import { join } from 'node:path';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { openCatalog, type Catalog } from '#nbak/repository/catalog.js';
import { openWithVaultKey } from '#nbak/repository/open.js';
import type { NamesMode } from '#nbak/format/manifest.js';
import type { Storage } from '#nbak/storage/storage.js';
import { memoryStorage } from '#nbak/storage/memory.js';
import type { BackupResult } from '#nbak/backup/result.js';
import { headMemory, runBackup } from './engine-run.js';
import { faultyStorage, type Fault, type FaultyStorage } from './faulty-storage.js';
import { emptyRepository, KEY_BYTES, writeFiles, type Files } from './tiny-repository.js';
import { randomLike } from './tree.js';

/** Files of every way of being cut: bundled, one chunk, several chunks; the first state and what comes to it. */
const FIRST: Files = { 'notes/a.md': 'a', 'notes/b.md': 'b', middle: randomLike(70_000, 1) };
const GROWN: Files = {
  'notes/c.md': 'c',
  middle: randomLike(70_000, 2),
  'new/large': randomLike(1_300_000, 3),
};

/** A repository with one backup, and a source that is not what it was then. */
export interface Scene {
  readonly storage: Storage;
  readonly publicKey: Uint8Array;
  readonly catalog: Catalog;
  readonly source: string;
  readonly heads: ReturnType<typeof headMemory>;
  /** Backs up the source through `faults`, opening the repository anew as a new process would. */
  backUp(
    faults?: readonly Fault[],
    catalog?: Catalog,
  ): Promise<{ result: BackupResult; through: FaultyStorage }>;
}

/** Makes a scene in `directory`. */
export async function makeScene(directory: string, names: NamesMode = 'plain'): Promise<Scene> {
  const storage = memoryStorage();
  const { publicKey, unlocked } = await emptyRepository(names, storage);
  const catalog = openCatalog(undefined, unlocked.id);
  const source = join(directory, 'source');
  const scene: Scene = {
    storage,
    publicKey,
    catalog,
    source,
    heads: headMemory(),
    async backUp(faults = [], used = catalog) {
      const through = faultyStorage(storage, faults);
      const repository = await openWithVaultKey(through, nodeCrypto, KEY_BYTES);
      return { result: await runBackup(repository, [source], { catalog: used }), through };
    },
  };
  writeFiles(source, FIRST);
  await scene.backUp();
  writeFiles(source, GROWN);
  return scene;
}
