/** Places below a directory that is held open, reached without following any link (§22.1). */

import { closeSync, constants, existsSync, openSync } from 'node:fs';
import { parentPath, pathToBytes, type BytePath } from '../format/path.js';

/** Opens a directory, and nothing that a link leads to. */
export const DIRECTORY_FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** Directories kept open; entries come in path order, so few are needed. */
const MOST_OPEN = 32;

/**
 * A directory whose descendants are named through open descriptors. Node has no `openat`; on Linux a path that begins
 * with `/proc/self/fd/<n>/` does the same. Where there is no `/proc`, plain paths are all there is.
 */
export class HeldDirectory {
  readonly #path: Buffer;
  readonly #root: number;
  readonly #canHold = existsSync('/proc/self/fd');
  readonly #open = new Map<BytePath, number>();

  /** @throws NodeJS.ErrnoException when `path` is a link or no directory. */
  constructor(path: string | Buffer) {
    this.#path = Buffer.from(path);
    this.#root = openSync(path, DIRECTORY_FLAGS);
  }

  /** A path for one system call on `path`; good until as many other directories were asked for as are kept open. */
  place(path: BytePath): Buffer {
    const parent = parentPath(path);
    if (!this.#canHold) return Buffer.concat([this.#path, Buffer.from('/'), pathToBytes(path)]);
    if (parent === undefined) return Buffer.from(`/proc/self/fd/${this.#root}/.`);
    const name = parent === '' ? path : path.slice(parent.length + 1);
    return below(this.#descriptorOf(parent), name as BytePath);
  }

  /** Closes what is open. */
  close(): void {
    for (const descriptor of this.#open.values()) closeSync(descriptor);
    this.#open.clear();
    closeSync(this.#root);
  }

  #descriptorOf(directory: BytePath): number {
    const parent = parentPath(directory);
    if (parent === undefined) return this.#root;
    const known = this.#open.get(directory);
    if (known !== undefined) return known;
    const name = parent === '' ? directory : directory.slice(parent.length + 1);
    const descriptor = openSync(below(this.#descriptorOf(parent), name as BytePath), DIRECTORY_FLAGS);
    const [oldest] = this.#open;
    if (oldest !== undefined && this.#open.size >= MOST_OPEN) {
      closeSync(oldest[1]);
      this.#open.delete(oldest[0]);
    }
    this.#open.set(directory, descriptor);
    return descriptor;
  }
}

function below(descriptor: number, name: BytePath): Buffer {
  return Buffer.concat([Buffer.from(`/proc/self/fd/${descriptor}/`), pathToBytes(name)]);
}
