/** A disk that does what it is told and remembers it, so that any power cut can be replayed (§22.8). */

import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, relative } from 'node:path';
import { diskFiles, type DurableFiles } from '#nbak/restore/in-place/durable-files.js';

/** One change of the disk; paths are relative to the root that is recorded. */
export type Change =
  | { readonly kind: 'move'; readonly from: string; readonly to: string }
  | { readonly kind: 'directory'; readonly path: string; readonly mode: number }
  | { readonly kind: 'file'; readonly path: string; readonly content: Uint8Array; readonly mode: number }
  | { readonly kind: 'gone'; readonly path: string }
  /** Entries of a directory, or all below it, are durable. */
  | { readonly kind: 'sync'; readonly path: string; readonly deep: boolean };

/** A recording. */
export interface RecordingFiles extends DurableFiles {
  readonly changes: readonly Change[];
  /** Throws before the n-th change, as a crash would end the run there; counted from 1. */
  crashAt: number | undefined;
}

/** Thrown in place of a crash. */
export class Crash extends Error {}

/** The real disk below `root`, recorded. */
export function recordingFiles(root: string): RecordingFiles {
  const changes: Change[] = [];
  const relativeTo = (path: Buffer): string => relative(root, realOf(path.toString()));
  const assertUp = (): void => {
    if (recording.crashAt !== undefined && changes.length + 1 >= recording.crashAt) throw new Crash();
  };
  const record = (change: Change): void => {
    assertUp();
    changes.push(change);
  };
  const recording: RecordingFiles = {
    ...diskFiles,
    changes,
    crashAt: undefined,
    move(from, to) {
      record({ kind: 'move', from: relativeTo(from), to: relativeTo(to) });
      diskFiles.move(from, to);
    },
    makeDirectory(path, mode) {
      record({ kind: 'directory', path: relativeTo(path), mode });
      diskFiles.makeDirectory(path, mode);
    },
    writeFile(path, content, mode) {
      record({ kind: 'file', path: relativeTo(path), content, mode });
      diskFiles.writeFile(path, content, mode);
    },
    async copyDatabase(from, to) {
      assertUp();
      await diskFiles.copyDatabase(from, to);
      changes.push({ kind: 'file', path: relativeTo(to), content: readFileSync(to), mode: 0o600 });
    },
    removeFile(path) {
      record({ kind: 'gone', path: relativeTo(path) });
      diskFiles.removeFile(path);
    },
    removeEmptyDirectory(path) {
      if (diskFiles.list(path).length > 0) return false;
      record({ kind: 'gone', path: relativeTo(path) });
      return diskFiles.removeEmptyDirectory(path);
    },
    removeTree(path) {
      record({ kind: 'gone', path: relativeTo(path) });
      diskFiles.removeTree(path);
    },
    syncDirectory(path) {
      record({ kind: 'sync', path: relativeTo(path), deep: false });
    },
    syncTree(path) {
      record({ kind: 'sync', path: relativeTo(path), deep: true });
    },
  };
  return recording;
}

/** `/proc/self/fd/7/name` as the path that it leads to now. */
function realOf(path: string): string {
  const [, descriptor, rest] = /^\/proc\/self\/fd\/(\d+)(\/.*)?$/.exec(path) ?? [];
  if (descriptor === undefined) return path;
  return readlinkSync(`/proc/self/fd/${descriptor}`) + (rest === undefined || rest === '/.' ? '' : rest);
}

/**
 * Does to `root`, a copy of what was there before, those changes that would have survived: all that were synced, and of
 * the others those that `isLucky` picks. A rename is one change, and is durable once a directory that it touches is
 * synced after it.
 */
export function replay(root: string, changes: readonly Change[], isLucky: (n: number) => boolean): void {
  changes.forEach((change, n) => {
    if (change.kind === 'sync') return;
    if (isDurable(changes, n) || isLucky(n)) apply(root, change);
  });
}

function isDurable(changes: readonly Change[], n: number): boolean {
  const change = changes[n];
  if (change === undefined || change.kind === 'sync') return false;
  const touched = change.kind === 'move' ? [change.from, change.to] : [change.path];
  return changes.slice(n + 1).some((later) => {
    if (later.kind !== 'sync') return false;
    return touched.some(
      (path) => dirnameOf(path) === later.path || (later.deep && `${path}/`.startsWith(`${later.path}/`)),
    );
  });
}

function dirnameOf(path: string): string {
  const parent = dirname(path);
  return parent === '.' ? '' : parent;
}

/** A change that rests on another one that was lost is lost with it. */
function apply(root: string, change: Exclude<Change, { kind: 'sync' }>): void {
  const at = (path: string): string => `${root}/${path}`;
  if (change.kind === 'move') {
    const [from, to] = [at(change.from), at(change.to)];
    if (lstatSync(from, { throwIfNoEntry: false }) !== undefined && existsSync(dirname(to)))
      renameSync(from, to);
    return;
  }
  const path = at(change.path);
  if (change.kind === 'gone') rmSync(path, { recursive: true, force: true });
  else if (!existsSync(dirname(path))) return;
  else if (change.kind === 'file') {
    if (existsSync(path)) unlinkSync(path);
    writeFileSync(path, change.content, { mode: change.mode });
  } else if (!existsSync(path)) mkdirSync(path, { mode: change.mode });
}
