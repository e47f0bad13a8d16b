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
import { basename, dirname, resolve } from 'node:path';
import { NbakError } from '../errors.js';
import type { Entry } from '../format/entry.js';
import { assertDistinct, foldingOf } from './colliding-names.js';
import { DIRECTORY_FLAGS, HeldDirectory } from './held-directory.js';
import {
  joinPath,
  pathFromBytes,
  pathFromText,
  pathToBytes,
  pathToText,
  type BytePath,
} from '../format/path.js';
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
import { TreeFile } from './tree-file.js';

const PRIVATE_DIRECTORY = 0o700;
const PRIVATE_FILE = 0o600;
/** Without waiting for somebody who writes. */
const FIFO_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/**
 * A restore target. Everything is made in a hidden tree in it: there files have their names from the beginning, and in
 * the target only when they are complete (§22.2).
 */
export class RestoreTarget {
  readonly path: string;
  /** Extended attributes that could not be set: their names, and of how many entries. */
  readonly refused = new Map<string, number>();
  readonly #staging: string;
  readonly #root: HeldDirectory;
  readonly #tree: HeldDirectory;
  #staged = 0;
  #isPublished = false;

  /**
   * Takes an absent or empty directory over.
   *
   * @throws NbakError `TARGET_NOT_EMPTY` or `TARGET_FAILED`.
   */
  constructor(path: string) {
    this.path = resolve(path);
    this.#staging = `${this.path}/.nbak-restore-${randomBytes(8).toString('hex')}`;
    const held = this.#attempt('create', '' as BytePath, () => {
      makeDirectories(dirname(this.path), 0o777);
      try {
        mkdirSync(this.path, { mode: PRIVATE_DIRECTORY });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        this.#takeOver();
      }
      removeAcls(Buffer.from(this.path));
      const root = new HeldDirectory(this.path);
      const staging = pathFromText(basename(this.#staging));
      const tree = joinPath(staging, 'tree');
      for (const path of [staging, tree]) mkdirSync(root.place(path), { mode: PRIVATE_DIRECTORY });
      return { root, tree: new HeldDirectory(root.place(tree)) };
    });
    this.#root = held.root;
    this.#tree = held.tree;
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
    this.#attempt('create', path, () => mkdirSync(this.#tree.place(path), { mode: PRIVATE_DIRECTORY }));
  }

  /** A file for a thread to make; undefined where it has to be staged, since too many others are under way. */
  treeFile(path: BytePath, attributes: FileAttributes): TreeFile | undefined {
    const held = this.#attempt('create', path, () => this.#tree.hold(path));
    return held && new TreeFile(held, attributes);
  }

  /** Makes and opens a file in the staging directory. */
  stage(path: BytePath): StagedFile {
    this.#staged += 1;
    return this.#attempt('create', path, () => new StagedFile(`${this.#staging}/${this.#staged}`));
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
      renameSync(staged.path, this.#tree.place(path));
      return owned;
    });
  }

  /** Makes `path` another name of `existing`. */
  makeHardLink(path: BytePath, existing: BytePath): void {
    this.#attempt('link', path, () => linkSync(this.#tree.place(existing), this.#tree.place(path)));
  }

  /** Makes a symbolic link; its target is data and is never looked at. Undefined where the system has none. */
  makeSymbolicLink(entry: Entry, owner: TargetOwner): boolean | undefined {
    return this.#attempt('create', entry.path, () => {
      const place = this.#tree.place(entry.path);
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
      const place = this.#tree.place(entry.path);
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
      const descriptor = openSync(this.#root.place(entry.path), DIRECTORY_FLAGS);
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

  /** Moves everything from the hidden tree to its place. Only {@link finishDirectory} may follow. */
  publish(): void {
    const root = '' as BytePath;
    this.#tree.letGo();
    const names = this.#attempt('finish', root, () =>
      readdirSync(this.#tree.place(root), { encoding: 'buffer' }).map(pathFromBytes),
    );
    for (const name of names)
      this.#attempt('finish', name, () => renameSync(this.#tree.place(name), this.#root.place(name)));
    // It lies in the target's root, whose time its removal changes.
    this.#attempt('finish', root, () => this.#removeStaging());
    this.#isPublished = true;
  }

  /** Lets go of the target. Of a restore that was broken off, what is complete gets its place first. */
  close(): void {
    try {
      if (!this.#isPublished) this.publish();
    } catch {
      // What broke the restore off is what is to be said.
    }
    this.#removeStaging();
    this.#tree.close();
    this.#root.close();
  }

  #removeStaging(): void {
    rmSync(this.#staging, { recursive: true, force: true });
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
