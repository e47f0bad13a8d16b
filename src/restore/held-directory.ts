/** Places below a directory that is held open, reached without following any link (§22.1). */

import { closeSync, constants, existsSync, openSync } from 'node:fs';
import { parentPath, pathFromBytes, type BytePath } from '../format/path.js';

/** Opens a directory, and nothing that a link leads to. */
export const DIRECTORY_FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** Directories kept open without being held; entries come in path order, so few are needed. */
const MOST_KEPT = 32;
/** Directories held for places in them. */
const MOST_HELD = 256;

/** A place for system calls of any thread, good until it is released. */
export interface HeldPlace {
  readonly path: BytePath;
  readonly release: () => void;
}

interface OpenDirectory {
  readonly descriptor: number;
  /** Places held in it. */
  places: number;
}

/**
 * A directory whose descendants are named through open descriptors. Node has no `openat`; on Linux a path that begins
 * with `/proc/self/fd/<n>/` does the same. Where there is no `/proc`, plain paths are all there is.
 */
export class HeldDirectory {
  readonly #path: BytePath;
  readonly #root: OpenDirectory;
  readonly #canHold = existsSync('/proc/self/fd');
  /** In the order in which they were first asked for. */
  readonly #open = new Map<BytePath, OpenDirectory>();
  #held = 0;

  /** @throws NodeJS.ErrnoException when `path` is a link or no directory. */
  constructor(path: string | Buffer) {
    this.#path = pathFromBytes(Buffer.from(path));
    this.#root = { descriptor: openSync(path, DIRECTORY_FLAGS), places: 0 };
  }

  /** A path for one system call on `path`; good until as many other directories were asked for as are kept open. */
  place(path: BytePath): Buffer {
    return systemPath(this.#below(path, this.#directory(parentPath(path))));
  }

  /** A place that stays good; undefined where as many directories are held as may be. */
  hold(path: BytePath): HeldPlace | undefined {
    const directory = this.#directory(parentPath(path));
    if (directory.places === 0 && this.#held >= MOST_HELD) return undefined;
    if (directory.places === 0) this.#held += 1;
    directory.places += 1;
    const release = (): void => {
      directory.places -= 1;
      if (directory.places === 0) this.#held -= 1;
    };
    return { path: this.#below(path, directory), release };
  }

  /** Closes what is open below the directory itself: some file systems rename nothing in which something is open. */
  letGo(): void {
    for (const { descriptor } of this.#open.values()) closeSync(descriptor);
    this.#open.clear();
  }

  /** Closes what is open. */
  close(): void {
    this.letGo();
    closeSync(this.#root.descriptor);
  }

  #below(path: BytePath, { descriptor }: OpenDirectory): BytePath {
    if (!this.#canHold) return `${this.#path}/${path}` as BytePath;
    const name = path === '' ? '.' : path.slice(path.lastIndexOf('/') + 1);
    return `/proc/self/fd/${descriptor}/${name}` as BytePath;
  }

  #directory(path: BytePath | undefined): OpenDirectory {
    if (!this.#canHold || path === undefined || path === '') return this.#root;
    const known = this.#open.get(path);
    if (known !== undefined) return known;
    const place = systemPath(this.#below(path, this.#directory(parentPath(path))));
    const directory = { descriptor: openSync(place, DIRECTORY_FLAGS), places: 0 };
    if (this.#open.size - this.#held >= MOST_KEPT) this.#closeOldest();
    this.#open.set(path, directory);
    return directory;
  }

  #closeOldest(): void {
    for (const [path, { descriptor, places }] of this.#open) {
      if (places > 0) continue;
      closeSync(descriptor);
      this.#open.delete(path);
      return;
    }
  }
}

/** A path's bytes, as Node passes them on to the system. */
export function systemPath(path: BytePath): Buffer {
  return Buffer.from(path, 'latin1');
}
