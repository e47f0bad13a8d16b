/** One of the three places of a swap: a directory held open, its entries reached without following links. */

import { NbakError } from '../../errors.js';
import { joinPath, parentPath, pathToText, type BytePath } from '../../format/path.js';
import { HeldDirectory } from '../held-directory.js';
import type { DirectoryFacts, DurableFiles } from './durable-files.js';

/** A directory of a swap, and which of its directories have changes that are not synced. */
export class Area {
  readonly #files: DurableFiles;
  readonly #held: HeldDirectory;
  readonly #unsynced = new Set<BytePath>();

  /** @throws NodeJS.ErrnoException when `path` is a link or no directory. */
  constructor(files: DurableFiles, path: string | Buffer) {
    this.#files = files;
    this.#held = new HeldDirectory(path);
  }

  /** A path for one system call. */
  place(path: BytePath): Buffer {
    return this.#held.place(path);
  }

  /** Says whether something is there; false also below something that is no directory. */
  has(path: BytePath): boolean {
    try {
      return this.#files.exists(this.place(path));
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
      throw error;
    }
  }

  /** Moves an entry to another area, which has its directory, and at most a file at `to`, which it replaces. */
  move(path: BytePath, other: Area, to: BytePath = path): void {
    try {
      this.#files.move(this.place(path), other.place(to));
    } catch (error) {
      // The system names descriptors, which say nothing to a user.
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      throw new NbakError('TARGET_FAILED', `${pathToText(path)} cannot be moved: ${code}`, {
        details: { path: pathToText(path), code },
        cause: error,
      });
    }
    this.#changed(path);
    other.#changed(to);
  }

  /** Makes the directories above `path` that are missing; `factsOf` says what they look like. */
  makeParents(path: BytePath, factsOf: (directory: BytePath) => DirectoryFacts | undefined): void {
    const directory = parentPath(path);
    if (directory === undefined || directory === '' || this.has(directory)) return;
    this.makeParents(directory, factsOf);
    this.#files.makeDirectory(this.place(directory), 0o700);
    this.#changed(directory);
    const facts = factsOf(directory);
    if (facts !== undefined) this.#files.setFacts(this.place(directory), facts);
  }

  /** Gives a directory its owner, mode and times. */
  setFacts(path: BytePath, facts: DirectoryFacts): void {
    this.#files.setFacts(this.place(path), facts);
    this.#unsynced.add(path);
  }

  /** Gives the directory at the same path of another area the extended attributes of this one's. */
  copyXattrs(path: BytePath, other: Area): void {
    this.#files.copyXattrs(this.place(path), other.place(path));
    other.#unsynced.add(path);
  }

  /** A name for something new in this area: `stem`, or `stem` with a number. */
  freeName(directory: BytePath, stem: string): BytePath {
    for (let n = 1; ; n += 1) {
      const path = joinPath(directory, `${stem}${n}`);
      if (!this.has(path)) return path;
    }
  }

  /** Makes every change since the last call durable. */
  sync(): void {
    for (const directory of this.#unsynced) this.#files.syncDirectory(this.place(directory));
    this.#unsynced.clear();
  }

  close(): void {
    this.#held.close();
  }

  #changed(path: BytePath): void {
    this.#unsynced.add(parentPath(path) ?? ('' as BytePath));
  }
}
