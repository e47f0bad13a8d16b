/** A backup of NBAK version 1 as it lies in a directory; its files are reached without following a link. */

import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  type Dirent,
} from 'node:fs';
import { basename } from 'node:path';
import { isNbakError, NbakError, type ErrorCode } from '../../errors.js';
import { limitExceeded } from '../../format/shape.js';
import { pathToText, type BytePath } from '../../format/path.js';
import {
  decodeV1Manifest,
  isV1Directory,
  V1_LIMITS,
  V1_MANIFEST,
  type V1Entry,
  type V1Manifest,
} from '../../format/v1/manifest.js';
import { isV1Unfinished } from '../../format/v1/name.js';
import { fileTime, type FileTime } from '../../restore/attributes.js';
import { HeldDirectory } from '../../restore/held-directory.js';
import { timestampFromNanoseconds } from '../../source/clock.js';
import { joinBlocks } from '../source-file.js';

const BLOCK_BYTES = 1 << 20;

/** An open file of a backup. */
export interface StoredFile extends Disposable {
  readonly size: number;
  readonly mtime: FileTime;
  /** All bytes from `start` on, in blocks that are good until the next is asked for. */
  blocks(start: number): Generator<Uint8Array, void, void>;
}

/** A backup of version 1. */
export class V1Directory implements Disposable {
  readonly path: string;
  readonly manifest: V1Manifest;
  readonly #held: HeldDirectory;

  /**
   * Opens a backup and reads its manifest. A link given as `path` is followed, none below it is.
   *
   * @throws NbakError `SOURCE_NOT_FOUND`; `OBJECT_MISSING` without a manifest; `FORMAT_INVALID` for one that was
   *   never finished; what reading the manifest throws.
   */
  constructor(path: string) {
    this.path = path;
    if (isV1Unfinished(basename(path))) {
      throw new NbakError('FORMAT_INVALID', `${path} is a backup of version 1 that was never finished`, {
        details: { path },
        hint: 'What ends in .tmp was left by a crash; it may hold plaintext. Use another backup.',
      });
    }
    this.#held = openDirectory(path);
    try {
      using file = this.open(V1_MANIFEST);
      if (file.size > V1_LIMITS.manifestBytes)
        throw limitExceeded('manifest.json', 'its size', file.size, V1_LIMITS.manifestBytes);
      this.manifest = decodeV1Manifest(joinBlocks(file.blocks(0)));
    } catch (error) {
      this.#held.close();
      throw error;
    }
  }

  /** Its entries that are files. */
  get files(): readonly V1Entry[] {
    return this.manifest.entries.filter((entry) => !isV1Directory(entry));
  }

  /**
   * Opens a file below it.
   *
   * @throws NbakError `OBJECT_MISSING`; `OBJECT_UNEXPECTED` for a link, or anything else that is no plain file.
   */
  open(path: BytePath): StoredFile {
    const name = pathToText(path);
    let descriptor: number;
    try {
      descriptor = openSync(
        this.#held.place(path),
        constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
      );
    } catch (cause) {
      throw openError(this.path, name, cause);
    }
    const stat = fstatSync(descriptor, { bigint: true });
    if (!stat.isFile()) {
      closeSync(descriptor);
      throw unexpected(this.path, name);
    }
    return {
      size: Number(stat.size),
      mtime: fileTime({ mtime: timestampFromNanoseconds(stat.mtimeNs) }),
      blocks: (start) => blocksOf(descriptor, start),
      [Symbol.dispose]: () => closeSync(descriptor),
    };
  }

  /**
   * Names below it that its manifest does not know, in order; of a directory that it does not know, the name alone.
   *
   * @throws NbakError `SOURCE_UNREADABLE`.
   */
  unlisted(): readonly string[] {
    const known = new Set<string>([
      V1_MANIFEST,
      ...this.manifest.entries.map(({ path }) => pathToText(path)),
    ]);
    for (const path of [...known]) {
      for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1))
        known.add(path.slice(0, at));
    }
    const found: string[] = [];
    const visit = (directory: string): void => {
      for (const child of readChildren(`${this.path}/${directory}`)) {
        const name = directory === '' ? child.name : `${directory}/${child.name}`;
        if (!known.has(name)) found.push(name);
        else if (child.isDirectory()) visit(name);
      }
    };
    visit('');
    return found.sort();
  }

  [Symbol.dispose](): void {
    this.#held.close();
  }
}

/**
 * The backups below `directory`, or it alone where it is one; unfinished ones and what has no manifest are none. What
 * cannot be looked into is among them: opening it says why.
 *
 * @throws NbakError `SOURCE_NOT_FOUND`, `SOURCE_UNREADABLE` for `directory` itself.
 */
export function findV1Directories(directory: string): readonly string[] {
  const names = readNames(directory);
  if (names.includes(V1_MANIFEST)) return [directory];
  return names
    .filter((name) => !isV1Unfinished(name))
    .map((name) => `${directory.replace(/\/+$/, '')}/${name}`)
    .filter((path) => mayBeBackup(path));
}

function mayBeBackup(path: string): boolean {
  try {
    return readNames(path).includes(V1_MANIFEST);
  } catch (error) {
    // A link that leads nowhere is none.
    return !isNbakError(error, 'SOURCE_NOT_FOUND');
  }
}

function readNames(path: string): readonly string[] {
  return readChildren(path)
    .map(({ name }) => name)
    .sort();
}

function readChildren(path: string): readonly Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (cause) {
    throw sourceError(path, cause);
  }
}

function openDirectory(path: string): HeldDirectory {
  try {
    return new HeldDirectory(realpathSync(path));
  } catch (cause) {
    throw sourceError(path, cause);
  }
}

function sourceError(path: string, cause: unknown): NbakError {
  const { code = 'error' } = cause as NodeJS.ErrnoException;
  const isMissing = code === 'ENOENT' || code === 'ENOTDIR';
  return new NbakError(
    isMissing ? 'SOURCE_NOT_FOUND' : 'SOURCE_UNREADABLE',
    isMissing ? `There is no directory ${path}` : `${path} cannot be read: ${code}`,
    { details: { path, code }, hint: 'Give the directory of a backup, the one with manifest.json.', cause },
  );
}

function openError(path: string, name: string, cause: unknown): NbakError {
  const { code = 'error' } = cause as NodeJS.ErrnoException;
  // ELOOP: it is a link; ENOTDIR: what is above it is one, or a file.
  if (code === 'ELOOP' || code === 'ENOTDIR' || code === 'ENXIO') return unexpected(path, name);
  const isMissing: ErrorCode = code === 'ENOENT' ? 'OBJECT_MISSING' : 'SOURCE_UNREADABLE';
  return new NbakError(
    isMissing,
    code === 'ENOENT' ? `The backup ${path} has no ${name}` : `${name} in ${path} cannot be read: ${code}`,
    { details: { path: name, backup: path, code }, cause },
  );
}

function unexpected(path: string, name: string): NbakError {
  return new NbakError('OBJECT_UNEXPECTED', `${name} in ${path} is a link, or otherwise no plain file`, {
    details: { path: name, backup: path, clause: '§31.4' },
    hint: 'The applications write no links into backups: somebody else did. Links are never followed.',
  });
}

function* blocksOf(descriptor: number, start: number): Generator<Uint8Array, void, void> {
  const block = Buffer.alloc(BLOCK_BYTES);
  for (let position = start; ;) {
    const count = readSync(descriptor, block, 0, block.length, position);
    if (count === 0) return;
    yield block.subarray(0, count);
    position += count;
  }
}
