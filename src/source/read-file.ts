/** Reads one plain file and knows whether it changed meanwhile. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { NbakError } from '../errors.js';
import { settleMilliseconds, sleepSync, timestampFromNanoseconds } from './clock.js';
import type { Timestamp } from '../format/entry.js';
import { reason } from './root.js';

/** One open file of the source. */
export interface SourceFile extends Disposable {
  /** Facts of the descriptor that is read, not of the name, which may mean another file by now. */
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Timestamp;
  readonly ctime: Timestamp;
  readonly inode: bigint;
  readonly device: bigint;
  readonly links: number;
  /**
   * Yields the content from the start in buffers of `bufferSize` bytes, the last one shorter; each is new and the
   * caller's. Ends at the size that the file had when it was opened.
   */
  chunks(bufferSize: number): Generator<Uint8Array, void, void>;
  /** After reading: true when the content may not be one state of the file; then the caller reads it again. */
  hasChanged(): boolean;
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
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Timestamp;
  readonly ctime: Timestamp;
  readonly inode: bigint;
  readonly device: bigint;
  readonly links: number;
  #descriptor: number | undefined;
  readonly #before: BigIntStats;
  readonly #path: Uint8Array;
  #bytesRead = 0;

  constructor(descriptor: number, before: BigIntStats, path: Uint8Array) {
    this.#descriptor = descriptor;
    this.#before = before;
    this.#path = path;
    this.size = Number(before.size);
    this.mode = Number(before.mode) & 0o7777;
    this.uid = Number(before.uid);
    this.gid = Number(before.gid);
    this.mtime = timestampFromNanoseconds(before.mtimeNs);
    this.ctime = timestampFromNanoseconds(before.ctimeNs);
    this.inode = before.ino;
    this.device = before.dev;
    this.links = Number(before.nlink);
  }

  *chunks(bufferSize: number): Generator<Uint8Array, void, void> {
    this.#bytesRead = 0;
    while (this.#bytesRead <= this.size) {
      // One byte beyond its size: the end of a small file is seen in the same call, and growth is noticed. More is
      // never read, or a log that grows as fast as it is read would never end.
      const buffer = new Uint8Array(Math.min(bufferSize, this.size - this.#bytesRead + 1));
      let filled = 0;
      while (filled < buffer.length) {
        const count = this.#read(buffer, filled);
        if (count === 0) break;
        filled += count;
        this.#bytesRead += count;
      }
      const wanted = filled - Math.max(0, this.#bytesRead - this.size);
      if (wanted > 0) yield buffer.subarray(0, wanted);
      if (filled < buffer.length) return;
    }
  }

  hasChanged(): boolean {
    const after = fstatSync(this.#open(), { bigint: true });
    const before = this.#before;
    return (
      this.#bytesRead !== this.size ||
      after.size !== before.size ||
      after.mtimeNs !== before.mtimeNs ||
      after.ctimeNs !== before.ctimeNs
    );
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #read(buffer: Uint8Array, offset: number): number {
    try {
      return readSync(this.#open(), buffer, offset, buffer.length - offset, this.#bytesRead);
    } catch (error) {
      throw unreadable(this.#path, error);
    }
  }

  #open(): number {
    if (this.#descriptor === undefined) throw new TypeError('The file is closed');
    return this.#descriptor;
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
