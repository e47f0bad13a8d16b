/** Reads one plain file and knows whether it changed meanwhile. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { NbakError } from '../errors.js';
import { milliseconds, settleMilliseconds, sleepSync, timestampFromNanoseconds } from './clock.js';
import type { Timestamp } from '../format/entry.js';
import { reason } from './root.js';
import { readXattrs, type Xattrs } from './xattrs.js';

/** How often a file that changes while it is read is read, before it is said to be torn. */
export const MOST_READS = 3;

/** One open file of the source. */
export interface SourceFile extends Disposable {
  readonly path: Uint8Array;
  /** Facts of the descriptor that is read, not of the name, which may mean another file by now. */
  readonly size: number;
  readonly mtime: Timestamp;
  readonly ctime: Timestamp;
  readonly inode: bigint;
  /** Units of 512 bytes that it takes on the disk. */
  readonly blocks: number;
  readonly descriptor: number;
  /**
   * Reads the whole content from the start, up to the size that the file had when it was opened: more is never read,
   * or a log that grows as fast as it is read would never end.
   *
   * @param target - at least one byte longer than `size`, so that growth is noticed.
   * @returns the number of bytes.
   */
  readInto(target: Uint8Array): number;
  /** After reading: true when the content may not be one state of the file; then the caller reads it again. */
  hasChanged(): boolean;
  /** After reading: true when it is shorter than it was when it was opened, or was while it was read. */
  hasShrunk(): boolean;
  close(): void;
}

/**
 * Opens a plain file for reading without following a link, without touching its access time where that is allowed,
 * and without ever waiting for the writer of a fifo.
 *
 * @returns undefined when the file is gone or is no longer a plain file.
 * @throws NbakError `SOURCE_UNREADABLE`.
 */
export function openSourceFile(path: Uint8Array): SourceFile | undefined {
  const descriptor = openDescriptor(Buffer.from(path));
  if (descriptor === undefined) return undefined;
  let before: BigIntStats;
  try {
    before = fstatSync(descriptor, { bigint: true });
    if (!before.isFile()) {
      closeSync(descriptor);
      return undefined;
    }
    const wait = settleMilliseconds(before.ctimeNs, Date.now());
    if (wait > 0) {
      // Written this very tick: a write after this stat could leave the same times, and go unnoticed.
      sleepSync(wait);
      before = fstatSync(descriptor, { bigint: true });
    }
  } catch (error) {
    closeSync(descriptor);
    throw unreadable(path, error);
  }
  return new OpenFile(descriptor, before, path);
}

class OpenFile implements SourceFile {
  readonly size: number;
  readonly mtime: Timestamp;
  readonly ctime: Timestamp;
  readonly inode: bigint;
  readonly blocks: number;
  #descriptor: number | undefined;
  readonly path: Uint8Array;
  #hasOtherSize = false;
  #wasShorter = false;

  constructor(descriptor: number, before: BigIntStats, path: Uint8Array) {
    this.#descriptor = descriptor;
    this.path = path;
    this.size = Number(before.size);
    this.mtime = timestampFromNanoseconds(before.mtimeNs);
    this.ctime = timestampFromNanoseconds(before.ctimeNs);
    this.inode = before.ino;
    this.blocks = Number(before.blocks);
  }

  get descriptor(): number {
    if (this.#descriptor === undefined) throw new TypeError('The file is closed');
    return this.#descriptor;
  }

  readInto(target: Uint8Array): number {
    // One byte beyond its size, so that growth is noticed; what grows after the one call that most files take is
    // noticed by hasChanged.
    const count = fill(this, target.subarray(0, this.size + 1), { position: 0, enough: this.size });
    this.#hasOtherSize = count !== this.size;
    this.#wasShorter = count < this.size;
    return Math.min(count, this.size);
  }

  hasChanged(): boolean {
    if (this.#hasOtherSize) return true;
    // Numbers are good to a quarter of a microsecond, and a change after the file was opened moves its ctime by more:
    // that was older than a tick of the clock then. One in the future is moved back, by more than that.
    const { size, mtimeMs, ctimeMs } = fstatSync(this.descriptor);
    return size !== this.size || mtimeMs !== milliseconds(this.mtime) || ctimeMs !== milliseconds(this.ctime);
  }

  hasShrunk(): boolean {
    return this.#wasShorter || fstatSync(this.descriptor).size < this.size;
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Fills `target` from `position` on, as far as the file goes; any thread may do so while the file is open.
 *
 * @returns the number of bytes.
 * @throws NbakError `SOURCE_UNREADABLE`.
 */
export function readAt(
  file: { readonly descriptor: number; readonly path: Uint8Array },
  target: Uint8Array,
  position: number,
): number {
  return fill(file, target, { position, enough: target.length });
}

/** Reads until there is `enough`, or no more. */
function fill(
  file: { readonly descriptor: number; readonly path: Uint8Array },
  target: Uint8Array,
  { position, enough }: { readonly position: number; readonly enough: number },
): number {
  let filled = 0;
  try {
    do {
      const count = readSync(file.descriptor, target, filled, target.length - filled, position + filled);
      if (count === 0) break;
      filled += count;
    } while (filled < enough);
  } catch (error) {
    throw unreadable(file.path, error);
  }
  return filled;
}

/**
 * Extended attributes of an open file; read them before {@link SourceFile.hasChanged} is asked, which notices a change.
 *
 * @throws NbakError `SOURCE_UNREADABLE`.
 */
export function xattrsOf({ descriptor, path }: Pick<SourceFile, 'descriptor' | 'path'>): Xattrs {
  try {
    return readXattrs(descriptor);
  } catch (error) {
    throw unreadable(path, error);
  }
}

const BASE_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
// Absent on systems other than Linux.
const NO_ACCESS_TIME = (constants as { O_NOATIME?: number }).O_NOATIME ?? 0;

function openDescriptor(path: Buffer): number | undefined {
  for (const flags of [BASE_FLAGS | NO_ACCESS_TIME, BASE_FLAGS]) {
    try {
      return openSync(path, flags);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      // O_NOATIME is for the owner and root only.
      if (code === 'EPERM' && flags !== BASE_FLAGS) continue;
      // ELOOP: a link now; ENXIO: a socket now.
      if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EISDIR'].includes(code)) return undefined;
      throw unreadable(path, error);
    }
  }
  return undefined;
}

function unreadable(path: Uint8Array, error: unknown): NbakError {
  const text = Buffer.from(path).toString();
  return new NbakError('SOURCE_UNREADABLE', `File ${text} cannot be read: ${reason(error)}`, {
    details: { path: text },
    hint: 'Run as a user who may read it, or exclude it.',
    cause: error,
  });
}
