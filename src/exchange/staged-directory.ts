/** A directory that is filled under a name of its own and gets the wanted one when it is whole. */

import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  futimesSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { NbakError } from '../errors.js';
import { parentPath, pathToBytes, pathToText, type BytePath } from '../format/path.js';
import type { FileTime } from '../restore/attributes.js';
import { makeDirectories } from '../source/make-directories.js';

/** What a file gets besides its bytes. */
export interface StagedAttributes {
  readonly mode: number;
  readonly mtime: FileTime;
}

/** A file being written. */
export interface StagedFile extends Disposable {
  append(bytes: Uint8Array): void;
  /** Writes over the first bytes. */
  replaceStart(bytes: Uint8Array): void;
  /** Sets its time; nothing is written after it. */
  finish(mtime: FileTime): void;
}

/** A directory being filled. Paths are checked (§10.3) by whoever has them from elsewhere. */
export class StagedDirectory {
  readonly path: string;
  readonly #made = new Set<BytePath>(['' as BytePath]);
  readonly #files: BytePath[] = [];

  /**
   * Makes it, mode 0700.
   *
   * @throws NbakError `TARGET_FAILED`.
   */
  constructor(path: string) {
    this.path = path;
    attempt(path, () => mkdirSync(path, { mode: 0o700 }));
  }

  /** One beside `target`, on the same filesystem, so that it can be renamed. */
  static beside(target: string): StagedDirectory {
    const path = resolve(target);
    attempt(dirname(path), () => makeDirectories(dirname(path), 0o777));
    return new StagedDirectory(`${path}.nbak-${randomBytes(8).toString('hex')}`);
  }

  /** Makes a directory, and those above it, where they are not there yet. */
  makeDirectory(path: BytePath): void {
    if (this.#made.has(path)) return;
    const parent = parentPath(path);
    if (parent !== undefined) this.makeDirectory(parent);
    attempt(pathToText(path), () => mkdirSync(this.place(path), { mode: 0o700 }));
    this.#made.add(path);
  }

  /** Makes a file, and the directories above it, where nothing is yet. */
  create(path: BytePath, mode: number): StagedFile {
    this.makeDirectory(parentPath(path) ?? ('' as BytePath));
    const name = pathToText(path);
    const descriptor = attempt(name, () => openSync(this.place(path), 'wx', mode));
    this.#files.push(path);
    return {
      append: (bytes) => attempt(name, () => write(descriptor, bytes, null)),
      replaceStart: (bytes) => attempt(name, () => write(descriptor, bytes, 0)),
      finish: (mtime) => attempt(name, () => futimesSync(descriptor, mtime, mtime)),
      [Symbol.dispose]: () => closeSync(descriptor),
    };
  }

  /** Makes a file of `chunks`. */
  write(path: BytePath, chunks: Iterable<Uint8Array>, { mode, mtime }: StagedAttributes): void {
    using file = this.create(path, mode);
    for (const bytes of chunks) file.append(bytes);
    file.finish(mtime);
  }

  /** Where an entry lies. */
  place(path: BytePath): Buffer {
    return Buffer.concat([Buffer.from(`${this.path}/`), pathToBytes(path)]);
  }

  /** Waits until all of it is on the disk. */
  sync(): void {
    for (const path of [...this.#files, ...this.#made])
      attempt(pathToText(path), () => syncPath(this.place(path)));
  }

  /**
   * Gives the directory its name; an empty directory that stands there is replaced.
   *
   * @throws NbakError `TARGET_NOT_EMPTY`, `TARGET_FAILED`.
   */
  commit(target: string): void {
    this.sync();
    try {
      renameSync(this.path, target);
      syncPath(dirname(resolve(target)));
    } catch (cause) {
      const { code = 'error' } = cause as NodeJS.ErrnoException;
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOTDIR') throw failed(target, cause);
      throw new NbakError('TARGET_NOT_EMPTY', `${target} is there already and is no empty directory`, {
        details: { target },
        hint: 'Choose an absent or empty directory.',
        cause,
      });
    }
  }

  /** Removes what was written. */
  discard(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** @param start - null writes where the last write ended. */
function write(descriptor: number, bytes: Uint8Array, start: number | null): void {
  for (let written = 0; written < bytes.length;) {
    const position = start === null ? null : start + written;
    written += writeSync(descriptor, bytes, written, bytes.length - written, position);
  }
}

function syncPath(path: string | Buffer): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function attempt<T>(what: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw failed(what, error);
  }
}

function failed(what: string, cause: unknown): NbakError {
  const { code = 'error', message } = cause as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new NbakError('SPACE_INSUFFICIENT', `Cannot write ${what}: the disk is full`, {
      details: { path: what },
      cause,
    });
  }
  return new NbakError('TARGET_FAILED', `Cannot write ${what}: ${code}`, {
    details: { path: what, code },
    hint: message,
    cause,
  });
}
