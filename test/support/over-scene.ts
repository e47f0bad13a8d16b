/** A backup and a directory that has changed since, for restores over it in this process. */

import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { backup } from '#nbak/backup/backup.js';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { openCatalog } from '#nbak/repository/catalog.js';
import { openWithVaultKey } from '#nbak/repository/open.js';
import type { RestoreOverResult } from '#nbak/restore/in-place/result.js';
import { diskFiles, type DurableFiles } from '#nbak/restore/in-place/durable-files.js';
import { restoreOverOn } from '#nbak/restore/in-place/restore-over.js';
import type { RestoreSource } from '#nbak/restore/result.js';
import { memoryStorage } from '#nbak/storage/memory.js';
import { readNewest } from './engine-run.js';
import { describeState, LEFT_OUT, writeFirstState, writeSecondState } from './state-directory.js';
import { emptyRepository, KEY_BYTES } from './tiny-repository.js';

/** What the tests of interruptions start from. */
export interface OverScene {
  /** Holds the state directory and whatever a restore puts beside it. */
  readonly world: string;
  /** The state directory's name in `world`. */
  readonly name: string;
  readonly first: readonly string[];
  readonly second: readonly string[];
  restore(world: string, files?: DurableFiles): Promise<RestoreOverResult>;
  close(): void;
}

/** Makes the scene in `directory`. */
export async function makeOverScene(directory: string): Promise<OverScene> {
  const [world, pristine, name] = [join(directory, 'world'), join(directory, 'pristine'), 'state'];
  mkdirSync(join(pristine, name), { recursive: true });
  const state = join(pristine, name);
  writeFirstState(state);
  const first = describeState(state);
  const storage = memoryStorage();
  const { unlocked } = await emptyRepository('plain', storage);
  await backup(unlocked, openCatalog(undefined, unlocked.id), {
    selection: { sources: [state], exclude: LEFT_OUT, excludeCaches: false, oneFileSystem: false, skip: [] },
    labels: { host: 'h', tags: [], purpose: 'ordinary', writer: 't' },
    stagingDirectory: directory,
    lockWaitMs: 1000,
    threads: 0,
  });
  writeSecondState(state);
  const second = describeState(state);
  const { source, close } = await readNewest(await openWithVaultKey(storage, nodeCrypto, KEY_BYTES));
  copyWorld(pristine, world);
  return {
    world,
    name,
    first,
    second,
    close,
    restore: (at, files) => restoreAt(source, join(at, name), files),
  };
}

/** A copy with everything that a file system shows. */
export function copyWorld(from: string, to: string): void {
  execFileSync('cp', ['-a', from, to]);
}

function restoreAt(
  source: RestoreSource,
  target: string,
  files: DurableFiles = diskFiles,
): Promise<RestoreOverResult> {
  return restoreOverOn(files, source, {
    restore: { target, selection: { paths: [], include: [], exclude: [] }, check: 'none', threads: 0 },
    policy: { way: 'in-place' },
    root: undefined,
    keep: [],
    ifRunning: 'refuse',
  });
}
