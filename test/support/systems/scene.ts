/** A built directory that was backed up by the engine in this process, and what can be done with the backup. */

import { lstatSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { BackupResult } from '#nbak/backup/result.js';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { pathToText } from '#nbak/format/path.js';
import type { NamesMode } from '#nbak/format/manifest.js';
import { openCatalog, type Catalog } from '#nbak/repository/catalog.js';
import { readEntries, type BackedUpEntry } from '#nbak/repository/entries.js';
import { openWithVaultKey } from '#nbak/repository/open.js';
import { diskFiles, type DurableFiles } from '#nbak/restore/in-place/durable-files.js';
import { restoreOverOn } from '#nbak/restore/in-place/restore-over.js';
import type { RestoreOverResult } from '#nbak/restore/in-place/result.js';
import { readNewest, restoreBackup, runBackup } from '../engine-run.js';
import { objectsUnder, snapshotOf, storageWith, withObject } from '../snapshots.js';
import { emptyRepository, KEY_BYTES, type TestRepository } from '../tiny-repository.js';
import { describeTree } from '../tree.js';
import { contentOf } from './databases.js';
import type { BuiltSystem } from './files.js';

/** A directory of a system, its newest backup, and where everything of the test lies. */
export interface Scene<T extends BuiltSystem> {
  readonly directory: string;
  readonly built: T;
  readonly repository: TestRepository;
  readonly catalog: Catalog;
  readonly result: BackupResult;
  /** Backs the directory up again. */
  readonly backup: () => Promise<BackupResult>;
  /** Restores the newest backup into a new directory and says which. */
  readonly restore: () => Promise<string>;
  /** Restores the newest backup over the directory itself. */
  readonly restoreInPlace: () => Promise<RestoreOverResult>;
  /** Every entry of the newest backup by its path. */
  readonly entries: () => Promise<ReadonlyMap<string, BackedUpEntry>>;
}

/** Builds a directory that is removed when the test is over, and backs it up into a repository in memory. */
export async function backedUp<T extends BuiltSystem>(
  build: (root: string) => T,
  { names = 'plain' }: { readonly names?: NamesMode } = {},
): Promise<Scene<T>> {
  const directory = testDirectory();
  const built = build(join(directory, 'state'));
  const repository = await emptyRepository(names);
  const catalog = openCatalog(undefined, repository.unlocked.id);
  onTestFinished(() => void catalog.close());
  const backup = (): Promise<BackupResult> => runBackup(repository.unlocked, [built.root], { catalog });
  let restores = 0;
  return {
    directory,
    built,
    repository,
    catalog,
    result: await backup(),
    backup,
    restore: async () => {
      restores += 1;
      const target = join(directory, `restored-${restores}`);
      const { failed } = await restoreBackup(repository.storage, KEY_BYTES, { target });
      if (failed.length > 0) throw new Error(JSON.stringify(failed));
      return target;
    },
    restoreInPlace: () => restoreOverNewest(repository, built.root),
    entries: () => entriesOfNewest(repository),
  };
}

/** An empty directory that is removed when the test is over. */
export function testDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'nbak-test-system-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Restores the newest backup of a repository over `target`. */
export async function restoreOverNewest(
  repository: TestRepository,
  target: string,
  files: DurableFiles = diskFiles,
): Promise<RestoreOverResult> {
  const { source, close } = await readNewest(
    await openWithVaultKey(repository.storage, nodeCrypto, KEY_BYTES),
  );
  try {
    const selection = { paths: [], include: [], exclude: [] };
    return await restoreOverOn(files, source, {
      restore: { target, selection, check: 'none', threads: 0 },
      policy: { way: 'in-place' },
      root: undefined,
      keep: [],
      ifRunning: 'refuse',
    });
  } finally {
    close();
  }
}

/** The repository with one bit of each pack flipped. */
export async function damaged(repository: TestRepository, offset: number): Promise<TestRepository> {
  let snapshot = await snapshotOf(repository.storage);
  for (const [name, bytes] of objectsUnder(snapshot, 'packs/')) {
    const changed = Uint8Array.from(bytes);
    changed[offset] = (bytes[offset] ?? 0) ^ 1;
    snapshot = withObject(snapshot, name, changed);
  }
  return { ...repository, storage: await storageWith(snapshot) };
}

async function entriesOfNewest(repository: TestRepository): Promise<ReadonlyMap<string, BackedUpEntry>> {
  const { source, close } = await readNewest(
    await openWithVaultKey(repository.storage, nodeCrypto, KEY_BYTES),
  );
  try {
    const entries = new Map<string, BackedUpEntry>();
    for await (const each of readEntries(source.pages, source.backup, source.detail))
      entries.set(pathToText(each.entry.path), each);
    return entries;
  } finally {
    close();
  }
}

/**
 * One line per entry, databases by what they hold and their modes: a copy of one has other bytes, and its log is in
 * it. Paths that `without` picks are left out.
 */
export function describeSystem(
  { root, databases }: Pick<BuiltSystem, 'root' | 'databases'>,
  without: (path: string) => boolean = () => false,
): string[] {
  const captured = new Set(databases.map(({ path }) => path));
  const isPartOfDatabase = (path: string): boolean =>
    captured.has(path) || captured.has(path.replace(/-(wal|shm|journal)$/, ''));
  const lines = describeTree(root).filter((line) => {
    const path = JSON.parse(/^"(?:[^"\\]|\\.)*"/.exec(line)?.[0] ?? '""') as string;
    return !isPartOfDatabase(path) && !without(path);
  });
  const contents = databases
    .filter(({ path }) => !without(path))
    .map(({ path }) => {
      const { mode } = lstatSync(join(root, path));
      return `${path} ${mode.toString(8)} ${JSON.stringify(contentOf(join(root, path)))}`;
    });
  return [...lines, ...contents];
}
