/** A file being written under no name yet, and how files are made and written, in any thread. */

import { closeSync, constants, ftruncateSync, openSync, rmSync, writeSync } from 'node:fs';
import { pastCache } from '../storage/past-cache.js';

const PRIVATE_FILE = 0o600;

/** A file that is not there yet, and nothing that a link leads to. */
const NEW_FILE_FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** A file in the staging directory, open until it is finished or discarded. */
export class StagedFile {
  readonly path: string;
  readonly descriptor: number;
  #direct: number | undefined;
  #isOpen = true;

  /** @param path - in the staging directory, where nothing is yet. */
  constructor(path: string) {
    this.path = path;
    this.descriptor = makeFile(path);
  }

  /** The same file, open for writing past the page cache; undefined where that was not asked for or cannot be. */
  get direct(): number | undefined {
    return this.#direct;
  }

  /** Opens it for writing past the page cache, too. Whatever keeps us from it, there is a way that works. */
  openDirect(size: number): void {
    const way = pastCache(this.descriptor);
    if (way === undefined) return;
    try {
      // Writes that make a file longer wait for each other.
      ftruncateSync(this.descriptor, size);
      this.#direct = openSync(way.path, way.flags);
    } catch {
      this.#direct = undefined;
    }
  }

  /** Closes the file. Never twice: its number may be that of a thread's file by then. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (this.#direct !== undefined) closeSync(this.#direct);
    closeSync(this.descriptor);
  }

  /** Closes and removes the file, with what SQLite made beside it. */
  discard(): void {
    try {
      this.close();
    } catch {
      // What it could not keep is not wanted.
    }
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(this.path + suffix, { force: true });
  }
}

/** Makes and opens a file. */
export function makeFile(path: string | Buffer): number {
  return openSync(path, NEW_FILE_FLAGS, PRIVATE_FILE);
}

/** Writes all of `bytes` at `offset` of a file. */
export function writeFully(descriptor: number, bytes: Uint8Array, offset: number): void {
  for (let written = 0; written < bytes.length;) {
    written += writeSync(descriptor, bytes, written, bytes.length - written, offset + written);
  }
}
