/** Memory in which threads put parts of large files together, to be written past the page cache. */

import { write as writeToFile } from 'node:fs';
import { promisify } from 'node:util';
import type { PlacedPart } from '../repository/file-layout.js';

/** The largest page of any system: none of the cache holds bytes that are written past it. */
const PAGE_BYTES = 64 * 1024;
/** Less goes through the cache: the disk takes as long for it as for this. */
const LEAST_BYTES = 256 * 1024;

/** A file that is open twice. */
export interface LargeFile {
  readonly descriptor: number;
  /** Past the page cache. */
  readonly direct: number | undefined;
}

/** Bytes that follow each other in a file. */
interface Stretch {
  readonly file: LargeFile;
  /** Where in the memory the page of the first byte begins. */
  readonly start: number;
  /** Where in the file it begins. */
  readonly position: number;
  /** The first byte in it that is written. */
  readonly from: number;
  /** The byte after the last. */
  to: number;
}

/** The memory of one window; a piece has its place before threads know its bytes. */
export class WindowMemory {
  /** What threads write to, each to places of its own. */
  readonly bytes: Uint8Array;
  #stretches: Stretch[] = [];
  #used = 0;

  constructor(length: number) {
    // V8 maps the memory of growable buffers page by page, as the disk needs it; that of others begins wherever malloc says.
    this.bytes = new Uint8Array(new SharedArrayBuffer(length, { maxByteLength: length }), 0, length);
  }

  /**
   * Finds a place for a piece.
   *
   * @param parts - where in the file its parts go.
   * @returns where in the memory they go; undefined where there is no room.
   */
  place(file: LargeFile, parts: readonly PlacedPart[]): readonly PlacedPart[] | undefined {
    const most = parts.reduce((total, { start, end }) => total + end - start + 2 * PAGE_BYTES, 0);
    if (this.#used + most > this.bytes.length) return undefined;
    return parts.map(({ offset, start, end }) => {
      const stretch = this.#stretchFor(file, offset);
      const place = stretch.start + stretch.to;
      stretch.to += end - start;
      this.#used = stretch.start + stretch.to;
      return { offset: place, start, end };
    });
  }

  /** Writes all of it; then it is as new. @returns the files of which some bytes could not be written. */
  async write(): Promise<ReadonlySet<LargeFile>> {
    const stretches = this.#stretches;
    this.#stretches = [];
    this.#used = 0;
    const failed = new Set<LargeFile>();
    const writing = stretches.map((each) =>
      writeStretch(this.bytes, each).catch(() => void failed.add(each.file)),
    );
    await Promise.all(writing);
    return failed;
  }

  #stretchFor(file: LargeFile, offset: number): Stretch {
    const last = this.#stretches.at(-1);
    if (last?.file === file && last.position + last.to === offset) return last;
    const from = offset % PAGE_BYTES;
    const start = Math.ceil(this.#used / PAGE_BYTES) * PAGE_BYTES;
    const next = { file, start, position: offset - from, from, to: from };
    this.#stretches.push(next);
    return next;
  }
}

/** Whole pages go past the cache, what lies before and behind them goes through it. */
async function writeStretch(bytes: Uint8Array, { file, start, position, from, to }: Stretch): Promise<void> {
  const memory = bytes.subarray(start, start + to);
  const cached = async (begin: number, end: number): Promise<void> => {
    for (let done = begin; done < end;)
      done += (await write(file.descriptor, memory, done, end - done, position + done)).bytesWritten;
  };
  const head = Math.min(Math.ceil(from / PAGE_BYTES) * PAGE_BYTES, to);
  const tail = Math.max(Math.floor(to / PAGE_BYTES) * PAGE_BYTES, head);
  await cached(from, head);
  // Where a file system cannot, or the disk is full: writing the rest the usual way tells which.
  const isLong = to - from >= LEAST_BYTES;
  const direct =
    file.direct !== undefined && isLong
      ? await write(file.direct, memory, head, tail - head, position + head).then(
          ({ bytesWritten }) => bytesWritten,
          () => 0,
        )
      : 0;
  await cached(head + direct, to);
}

const write = promisify(writeToFile);
