/** The directory that a restore writes to: new or empty, filled through a staging directory, never through links. */

import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  ftruncateSync,
  futimesSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  symlinkSync,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { NbakError } from '../errors.js';
import type { Entry } from '../format/entry.js';
import { assertDistinct, foldingOf } from './colliding-names.js';
import { DIRECTORY_FLAGS, HeldDirectory } from './held-directory.js';
import { pathFromBytes, pathToBytes, pathToText, type BytePath } from '../format/path.js';
import { makeDirectories } from '../source/make-directories.js';
import { systemCalls, zeroEnded } from '../source/system-calls.js';
import { isCapability, removeAcls, writeXattrs, type XattrPlace } from '../source/xattrs.js';
import {
  attributesOf,
  fileTime,
  setFileAttributes,
  setOwner,
  tolerate,
  type FileAttributes,
  type TargetOwner,
} from './attributes.js';
import { StagedFile, writeFully } from './staged-file.js';
import type { NewFile } from './write-job.js';

const PRIVATE_DIRECTORY = 0o700;
const PRIVATE_FILE = 0o600;
/** Without waiting for somebody who writes. */
const FIFO_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
/** Files in one directory of the staging directory: threads that make files in the same one wait for each other. */
const STAGED_TOGETHER = 128;

/** A restore target. */
export class RestoreTarget {
  readonly path: string;
  /** Extended attributes that could not be set: their names, and of how many entries. */
  readonly refused = new Map<string, number>();
  readonly #staging: string;
  readonly #held: HeldDirectory;
  #staged = 0;

  /**
   * Takes an absent or empty directory over.
   *
   * @throws NbakError `TARGET_NOT_EMPTY` or `TARGET_FAILED`.
   */
  constructor(path: string) {
    this.path = resolve(path);
    this.#staging = `${this.path}/.nbak-restore-${randomBytes(8).toString('hex')}`;
    this.#held = this.#attempt('create', '' as BytePath, () => {
      makeDirectories(dirname(this.path), 0o777);
      try {
        mkdirSync(this.path, { mode: PRIVATE_DIRECTORY });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        this.#takeOver();
      }
      removeAcls(Buffer.from(this.path));
      mkdirSync(this.#staging, { mode: PRIVATE_DIRECTORY });
      return new HeldDirectory(this.path);
    });
  }

  #takeOver(): void {
    // A link could lead anywhere, and what is in the way could be a trap (A10).
    const descriptor = openSync(this.path, DIRECTORY_FLAGS);
    try {
      if (readdirSync(this.path).length > 0) {
        throw new NbakError('TARGET_NOT_EMPTY', `${this.path} is not empty`, {
          details: { target: this.path },
          hint: 'Choose an absent or empty directory, or restore into this one: --in-place replaces it, --overwrite adds to it.',
        });
      }
      fchmodSync(descriptor, PRIVATE_DIRECTORY);
    } finally {
      closeSync(descriptor);
    }
  }

  /**
   * Checks that no two entries would have to share a name here; nothing is written yet.
   *
   * @throws NbakError `TARGET_CONFLICT`.
   */
  assertDistinct(paths: Iterable<BytePath>): void {
    const folding = this.#attempt('look at', '' as BytePath, () => foldingOf(this.#staging));
    assertDistinct(paths, folding, this.path);
  }

  /** Creates a directory, private until {@link finishDirectory}. */
  makeDirectory(path: BytePath): void {
    if (path === '') return;
    this.#attempt('create', path, () => mkdirSync(this.#place(path), { mode: PRIVATE_DIRECTORY }));
  }

  /** A file in the staging directory for a thread to make. */
  newFile(attributes: FileAttributes): NewFile {
    return { path: this.#reserve(), attributes };
  }

  /** A path in the staging directory where nothing is yet. */
  #reserve(): string {
    const directory = `${this.#staging}/${Math.floor(this.#staged / STAGED_TOGETHER)}`;
    if (this.#staged % STAGED_TOGETHER === 0)
      this.#attempt('create', '' as BytePath, () => mkdirSync(directory, { mode: PRIVATE_DIRECTORY }));
    this.#staged += 1;
    return `${directory}/${this.#staged}`;
  }

  /** Makes and opens a file in the staging directory. */
  stage(path: BytePath): StagedFile {
    const place = this.#reserve();
    return this.#attempt('create', path, () => new StagedFile(place));
  }

  /** Writes all of `bytes` at `offset` of an open file. */
  write(path: BytePath, { descriptor }: StagedFile, offset: number, bytes: Uint8Array): void {
    this.#attempt('write', path, () => writeFully(descriptor, bytes, offset));
  }

  /**
   * Gives a complete file its size, owner, mode, times and, last, its name.
   *
   * @returns false where the owner could not be set here.
   */
  finishFile(entry: Entry, staged: StagedFile, attributes: FileAttributes): boolean {
    const { path, size } = entry;
    return this.#attempt('finish', path, () => {
      const { descriptor } = staged;
      if (fstatSync(descriptor).size !== size) ftruncateSync(descriptor, size);
      const owned = setFileAttributes(descriptor, attributes);
      this.#setXattrs(descriptor, entry, owned);
      staged.close();
      renameSync(staged.path, this.#place(path));
      return owned;
    });
  }

  /** Gives a complete file that a thread made its name, which is all it lacks. */
  nameFile(path: BytePath, file: NewFile): void {
    this.#attempt('finish', path, () => renameSync(file.path, this.#place(path)));
  }

  /** Drops a file that did not become complete. */
  discard(file: StagedFile | NewFile): void {
    try {
      if (file instanceof StagedFile) file.close();
    } catch {
      // What it could not keep is not wanted.
    }
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(file.path + suffix, { force: true });
  }

  /** Makes `path` another name of `existing`. */
  makeHardLink(path: BytePath, existing: BytePath): void {
    this.#attempt('link', path, () => linkSync(this.#place(existing), this.#place(path)));
  }

  /** Makes a symbolic link; its target is data and is never looked at. Undefined where the system has none. */
  makeSymbolicLink(entry: Entry, owner: TargetOwner): boolean | undefined {
    return this.#attempt('create', entry.path, () => {
      const place = this.#place(entry.path);
      const target = Buffer.from(pathToBytes(entry.extra.target ?? ('' as BytePath)));
      if (!tolerate(() => symlinkSync(target, place))) return undefined;
      const owned = setOwner((uid, gid) => lchownSync(place, uid, gid), owner);
      this.#setXattrs(place, entry, owned);
      lutimesSync(place, fileTime(entry), fileTime(entry));
      return owned;
    });
  }

  /** Makes a fifo. Undefined where the system has none. */
  makeFifo(entry: Entry, owner: TargetOwner): boolean | undefined {
    return this.#attempt('create', entry.path, () => {
      const place = this.#place(entry.path);
      const call = systemCalls();
      if (call === undefined) return undefined;
      if (!tolerate(() => void call('mkfifo', zeroEnded(place), PRIVATE_FILE))) return undefined;
      const descriptor = openSync(place, FIFO_FLAGS);
      try {
        const owned = setFileAttributes(descriptor, attributesOf(entry, owner));
        this.#setXattrs(descriptor, entry, owned);
        return owned;
      } finally {
        closeSync(descriptor);
      }
    });
  }

  /** Gives a directory its owner, mode and times; deepest first, the target itself last. */
  finishDirectory(entry: Entry, owner: TargetOwner): boolean {
    return this.#attempt('finish', entry.path, () => {
      const descriptor = openSync(this.#place(entry.path), DIRECTORY_FLAGS);
      try {
        const owned = setOwner((uid, gid) => fchownSync(descriptor, uid, gid), owner);
        tolerate(() => fchmodSync(descriptor, entry.mode));
        this.#setXattrs(descriptor, entry, owned);
        futimesSync(descriptor, fileTime(entry), fileTime(entry));
        return owned;
      } finally {
        closeSync(descriptor);
      }
    });
  }

  /** Removes the staging directory, if it is there. */
  removeStaging(): void {
    rmSync(this.#staging, { recursive: true, force: true });
  }

  /** Removes the staging directory and lets go of the target. */
  close(): void {
    this.removeStaging();
    this.#held.close();
  }

  /** After the mode, of which an ACL has a part, and after the owner, whose change takes capabilities away. */
  #setXattrs(at: XattrPlace, { extra: { xattrs = [] } }: Entry, owned: boolean): void {
    // What a program may do as its owner's it may not do as another's.
    const isWithheld = ([name]: (typeof xattrs)[number]): boolean => !owned && isCapability(name);
    const refused = writeXattrs(
      at,
      xattrs.filter((each) => !isWithheld(each)),
    );
    for (const name of [...refused, ...xattrs.filter(isWithheld).map(([each]) => each)]) {
      const text = pathToText(pathFromBytes(name));
      this.refused.set(text, (this.refused.get(text) ?? 0) + 1);
    }
  }

  #place(path: BytePath): Buffer {
    return this.#held.place(path);
  }

  #attempt<T>(action: string, path: BytePath, run: () => T): T {
    try {
      return run();
    } catch (error) {
      if (error instanceof NbakError) throw error;
      const { code = 'error', message } = error as NodeJS.ErrnoException;
      const where = path === '' ? this.path : `${this.path}/${pathToText(path)}`;
      if (code === 'ENOSPC' || code === 'EDQUOT') {
        throw new NbakError('SPACE_INSUFFICIENT', `Cannot ${action} ${where}: the disk is full`, {
          details: { path: where },
          cause: error,
        });
      }
      throw new NbakError('TARGET_FAILED', `Cannot ${action} ${where}: ${code}`, {
        details: { path: where, code },
        hint: message,
        cause: error,
      });
    }
  }
}

/**
 * Checks that `bytes` and some room fit where `target` is or will be.
 *
 * @throws NbakError `SPACE_INSUFFICIENT` with the numbers.
 */
export function assertSpace(target: string, bytes: number): void {
  let place = resolve(target);
  // A link to nothing is no place either; that it stands where the target should is found when the target is made.
  while (!existsSync(place) && place !== dirname(place)) place = dirname(place);
  const { bavail, bsize } = statfsSync(place);
  const free = bavail * bsize;
  const needed = bytes + SPARE_BYTES;
  if (free >= needed) return;
  throw new NbakError(
    'SPACE_INSUFFICIENT',
    `Not enough space to restore into ${target}: ${needed} bytes needed, ${free} free`,
    {
      details: { target, needed, free },
      hint: 'Free some space, or restore to another disk.',
    },
  );
}

/** Directories, metadata and whoever else writes there. */
const SPARE_BYTES = 16 * 1024 * 1024;
