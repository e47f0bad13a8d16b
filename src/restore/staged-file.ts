/** A file being written under no name yet, and how such files are made and written, in any thread. */

import { closeSync, constants, openSync, writeSync } from 'node:fs';

const PRIVATE_FILE = 0o600;

/** A file that is not there yet, and nothing that a link leads to. */
const STAGING_FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** A file in the staging directory. */
export class StagedFile {
  readonly path: string;
  #descriptor: number | undefined;

  /** @param path - in the staging directory, where nothing is yet. */
  constructor(path: string) {
    this.path = path;
  }

  /** Undefined while it is not open here: a thread may make it, write it and close it again. */
  get descriptor(): number | undefined {
    return this.#descriptor;
  }

  /** Makes the file. */
  open(): void {
    this.#descriptor = openStaged(this.path);
  }

  /** Closes the file where it is open. Never twice: its number may be that of a thread's file by then. */
  close(): void {
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Makes and opens a file in the staging directory. */
export function openStaged(path: string): number {
  return openSync(path, STAGING_FLAGS, PRIVATE_FILE);
}

/** Writes all of `bytes` at `offset` of a file. */
export function writeFully(descriptor: number, bytes: Uint8Array, offset: number): void {
  for (let written = 0; written < bytes.length;) {
    written += writeSync(descriptor, bytes, written, bytes.length - written, offset + written);
  }
}
