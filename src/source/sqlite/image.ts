/** The bytes of a database as one file, wherever they lie: in the file itself or in its write-ahead log. */
import { readSync } from 'node:fs';
import { NbakError } from '../../errors.js';
import { reason } from '../root.js';

/** Pages whose bytes are in a log and not in the database file. */
export interface LogPages {
  /** The log, open for reading. */
  readonly descriptor: number;
  readonly pageSize: number;
  /** Page numbers, from 1, ascending. */
  readonly pages: Uint32Array;
  /** For each of {@link pages}, where in the log its bytes begin. */
  readonly offsets: Float64Array;
}

/** Numbers only: it can be sent to a thread, which can read it there, because descriptors belong to the process. */
export interface DatabaseImage {
  /** In bytes. */
  readonly size: number;
  /** The database file, open for reading; longer or shorter than {@link size} when the log says so. */
  readonly file: number;
  /** Absent: the file alone is the database. */
  readonly log?: LogPages;
}

/**
 * Fills `buffer` with the bytes of `image` from `offset` on, as far as there are any. What neither file holds is
 * zero, as it is for SQLite: pages that were freed before they were ever written, and the page of the lock bytes.
 *
 * @returns the number of bytes, less than asked for only at the end.
 * @throws NbakError `SOURCE_UNREADABLE` when a file cannot be read.
 */
export function readImage(image: DatabaseImage, buffer: Uint8Array, offset: number): number {
  const length = Math.max(0, Math.min(buffer.length, image.size - offset));
  const wanted = buffer.subarray(0, length);
  wanted.fill(0, readFully(image.file, wanted, offset));
  if (image.log !== undefined) patch(wanted, offset, image.log);
  return length;
}

/** The same image with what its log has of `length` bytes from `offset` on: little to send, however long the log is. */
export function imageWithin(image: DatabaseImage, offset: number, length: number): DatabaseImage {
  const { log } = image;
  if (log === undefined) return image;
  const { pageSize, pages, offsets } = log;
  const from = firstFrom(pages, Math.floor(offset / pageSize) + 1);
  const to = firstFrom(pages, Math.ceil((offset + length) / pageSize) + 1);
  return { ...image, log: { ...log, pages: pages.slice(from, to), offsets: offsets.slice(from, to) } };
}

/** Replaces what a checkpoint may be overwriting at this moment by what the log says. */
function patch(bytes: Uint8Array, offset: number, log: LogPages): void {
  const { pageSize, pages, offsets } = log;
  const end = offset + bytes.length;
  for (let i = firstFrom(pages, Math.floor(offset / pageSize) + 1); i < pages.length; i += 1) {
    const pageStart = ((pages[i] ?? 0) - 1) * pageSize;
    if (pageStart >= end) return;
    const from = Math.max(pageStart, offset);
    const target = bytes.subarray(from - offset, Math.min(pageStart + pageSize, end) - offset);
    const filled = readFully(log.descriptor, target, (offsets[i] ?? 0) + from - pageStart);
    // Only when the pin was lost; what was read is then thrown away.
    target.fill(0, filled);
  }
}

/** The position of the first page whose number is at least `page`. */
function firstFrom(pages: Uint32Array, page: number): number {
  let low = 0;
  let high = pages.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((pages[middle] ?? 0) < page) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Returns how much there was before the file's end. */
function readFully(descriptor: number, buffer: Uint8Array, position: number): number {
  let filled = 0;
  try {
    while (filled < buffer.length) {
      const count = readSync(descriptor, buffer, filled, buffer.length - filled, position + filled);
      if (count === 0) break;
      filled += count;
    }
  } catch (error) {
    throw new NbakError('SOURCE_UNREADABLE', `A database cannot be read: ${reason(error)}`, { cause: error });
  }
  return filled;
}
