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
  writeSync,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { NbakError } from '../errors.js';
import type { Entry } from '../format/entry.js';
import { DIRECTORY_FLAGS, HeldDirectory } from './held-directory.js';
import { pathToBytes, pathToText, type BytePath } from '../format/path.js';
import { makeDirectories } from '../source/make-directories.js';

/** Owner of something restored, as numbers of this machine. */
export interface TargetOwner {
  readonly uid: number;
  readonly gid: number;
}

/** A file being written under no name yet. */
export interface StagedFile {
  readonly descriptor: number;
  /** Its path in the staging directory. */
  readonly path: string;
}

const PRIVATE_DIRECTORY = 0o700;
const PRIVATE_FILE = 0o600;

/** A restore target. */
export class RestoreTarget {
  readonly path: string;
  readonly #staging: string;
  readonly #held: HeldDirectory;
  readonly #isRoot = process.getuid?.() === 0;
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
          hint: 'Choose an absent or empty directory.',
        });
      }
      fchmodSync(descriptor, PRIVATE_DIRECTORY);
    } finally {
      closeSync(descriptor);
    }
  }

  /** Creates a directory, private until {@link finishDirectory}. */
  makeDirectory(path: BytePath): void {
    if (path === '') return;
    this.#attempt('create', path, () => mkdirSync(this.#place(path), { mode: PRIVATE_DIRECTORY }));
  }

  /** Opens a file in the staging directory. */
  stage(path: BytePath): StagedFile {
    this.#staged += 1;
    const staged = `${this.#staging}/${this.#staged}`;
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    return {
      path: staged,
      descriptor: this.#attempt('create', path, () => openSync(staged, flags, PRIVATE_FILE)),
    };
  }

  /** Writes all of `bytes` at `offset`. */
  write(path: BytePath, { descriptor }: StagedFile, offset: number, bytes: Uint8Array): void {
    this.#attempt('write', path, () => {
      for (let written = 0; written < bytes.length;) {
        written += writeSync(descriptor, bytes, written, bytes.length - written, offset + written);
      }
    });
  }

  /** Gives a complete file its size, owner, mode, times and, last, its name. */
  finishFile(entry: Entry, { descriptor, path }: StagedFile, owner: TargetOwner): boolean {
    return this.#attempt('finish', entry.path, () => {
      if (fstatSync(descriptor).size !== entry.size) ftruncateSync(descriptor, entry.size);
      const owned = this.#own((uid, gid) => fchownSync(descriptor, uid, gid), owner);
      // After chown, which takes setuid and setgid away; and those never go to an owner they were not meant for.
      tolerate(() => fchmodSync(descriptor, owned ? entry.mode : entry.mode & 0o1777));
      futimesSync(descriptor, seconds(entry), seconds(entry));
      closeSync(descriptor);
      renameSync(path, this.#place(entry.path));
      return owned;
    });
  }

  /** Drops a file that did not become complete. */
  discard({ descriptor, path }: StagedFile): void {
    try {
      closeSync(descriptor);
    } catch {
      // Closed already.
    }
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(path + suffix, { force: true });
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
      const owned = this.#own((uid, gid) => lchownSync(place, uid, gid), owner);
      lutimesSync(place, seconds(entry), seconds(entry));
      return owned;
    });
  }

  /** Gives a directory its owner, mode and times; deepest first, the target itself last. */
  finishDirectory(entry: Entry, owner: TargetOwner): boolean {
    return this.#attempt('finish', entry.path, () => {
      const descriptor = openSync(this.#place(entry.path), DIRECTORY_FLAGS);
      try {
        const owned = this.#own((uid, gid) => fchownSync(descriptor, uid, gid), owner);
        tolerate(() => fchmodSync(descriptor, entry.mode));
        futimesSync(descriptor, seconds(entry), seconds(entry));
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

  /** @returns false where the owner could not be set. */
  #own(change: (uid: number, gid: number) => void, { uid, gid }: TargetOwner): boolean {
    if (this.#isRoot) return tolerate(() => change(uid, gid));
    return uid === process.getuid?.() && gid === process.getgid?.();
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

/** Node takes times as floating-point seconds and cuts them to microseconds: half of one keeps the right one. */
function seconds({ mtime }: Entry): number | Date {
  // Node takes a negative number for "now".
  if (mtime.seconds < 0) return new Date(mtime.seconds * 1000 + Math.floor(mtime.nanoseconds / 1e6));
  return mtime.seconds + (Math.floor(mtime.nanoseconds / 1000) + 0.5) / 1e6;
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

/** What user namespaces, network shares and simple file systems answer when they know no owners or modes. */
const UNSUPPORTED = ['EPERM', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

/** @returns false where this system cannot do it. */
function tolerate(change: () => void): boolean {
  try {
    change();
    return true;
  } catch (error) {
    if (UNSUPPORTED.includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
