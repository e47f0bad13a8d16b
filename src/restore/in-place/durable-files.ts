/** The file-system calls of a swap, each of which a power cut can undo until it is synced (§22.8). */

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  futimesSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import type { Timestamp } from '../../format/entry.js';
import { syncDirectory, UNSUPPORTED } from '../../source/sync-directory.js';
import { copyXattrs } from '../../source/xattrs.js';
import { DIRECTORY_FLAGS } from '../held-directory.js';
import { copyDatabase } from './database-copy.js';

/** Metadata that a directory takes. */
export interface DirectoryFacts {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Timestamp;
}

/** What a swap does to a disk. Paths follow no link in their last part. */
export interface DurableFiles {
  exists(path: Buffer): boolean;
  /** Names in a directory, in no order. */
  list(directory: Buffer): readonly Buffer[];
  /** Renames; of a file that is at `to` the name goes. */
  move(from: Buffer, to: Buffer): void;
  makeDirectory(path: Buffer, mode: number): void;
  setFacts(directory: Buffer, facts: DirectoryFacts): void;
  /** Gives a directory the extended attributes of another, and no others. */
  copyXattrs(from: Buffer, to: Buffer): void;
  /** Writes a file that is not there yet, and syncs the content, not the name. */
  writeFile(path: Buffer, content: Uint8Array, mode: number): void;
  /** Copies a database at rest with what its logs hold, and syncs the content, not the name. */
  copyDatabase(from: Buffer, to: Buffer): Promise<void>;
  removeFile(path: Buffer): void;
  /** @returns false where it is not empty. */
  removeEmptyDirectory(path: Buffer): boolean;
  removeTree(path: Buffer): void;
  syncDirectory(path: Buffer): void;
  /** Makes a directory and all below it durable. */
  syncTree(path: Buffer): void;
}

/** The real disk. */
export const diskFiles: DurableFiles = {
  exists: (path) => lstatSync(path, { throwIfNoEntry: false }) !== undefined,
  list: (directory) => readdirSync(directory, { encoding: 'buffer' }),
  move: (from, to) => renameSync(from, to),
  makeDirectory: (path, mode) => mkdirSync(path, { mode }),
  setFacts,
  copyXattrs,
  writeFile(path, content, mode) {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const descriptor = openSync(path, flags, mode);
    try {
      for (let written = 0; written < content.length;)
        written += writeSync(descriptor, content, written, content.length - written);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  },
  copyDatabase,
  removeFile: (path) => unlinkSync(path),
  removeEmptyDirectory(path) {
    try {
      rmdirSync(path);
      return true;
    } catch (error) {
      if (['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
      throw error;
    }
  },
  removeTree,
  syncDirectory,
  syncTree(path) {
    if (countUpTo(path, FEW) < FEW || !syncFileSystem(path)) syncEach(path);
  },
};

/** With so few one by one is quicker: a whole file system also holds what others have written. */
const FEW = 200;

function countUpTo(path: Buffer, most: number): number {
  if (!lstatSync(path).isDirectory()) return 1;
  let count = 1;
  for (const name of readdirSync(path, { encoding: 'buffer' })) {
    if (count >= most) break;
    count += countUpTo(below(path, name), most - count);
  }
  return count;
}

/** One syncfs for all: file by file, some 100 000 would take minutes. */
function syncFileSystem(path: Buffer): boolean {
  const descriptor = openSync(path, DIRECTORY_FLAGS);
  try {
    // By its descriptor, for its name need not be text.
    const stdio = ['ignore', 'ignore', 'ignore', descriptor] as const;
    return spawnSync('sync', ['-f', '/proc/self/fd/3'], { stdio: [...stdio] }).status === 0;
  } finally {
    closeSync(descriptor);
  }
}

function syncEach(path: Buffer): void {
  const stat = lstatSync(path);
  if (stat.isDirectory()) {
    for (const name of readdirSync(path, { encoding: 'buffer' })) syncEach(below(path, name));
    syncDirectory(path);
  } else if (stat.isFile()) {
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    fsyncSync(descriptor);
    closeSync(descriptor);
  }
}

function setFacts(path: Buffer, { mode, uid, gid, mtime }: DirectoryFacts): void {
  const descriptor = openSync(path, DIRECTORY_FLAGS);
  try {
    // What this user may not set was listed when the same facts were set on the staged directory.
    tolerate(() => fchownSync(descriptor, uid, gid));
    tolerate(() => fchmodSync(descriptor, mode));
    const time = mtime.seconds + (Math.floor(mtime.nanoseconds / 1000) + 0.5) / 1e6;
    // Node takes a negative number for "now".
    const when = time < 0 ? new Date(time * 1000) : time;
    tolerate(() => futimesSync(descriptor, when, when));
  } finally {
    closeSync(descriptor);
  }
}

function tolerate(change: () => void): void {
  try {
    change();
  } catch (error) {
    if (!['EPERM', ...UNSUPPORTED].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

function removeTree(path: Buffer): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isDirectory()) {
    unlinkSync(path);
    return;
  }
  // A restored directory may have come back without the right to write in it.
  tolerate(() => chmodSync(path, 0o700));
  for (const name of readdirSync(path, { encoding: 'buffer' })) removeTree(below(path, name));
  rmdirSync(path);
}

function below(directory: Buffer, name: Buffer): Buffer {
  return Buffer.concat([directory, Buffer.from('/'), name]);
}
