/** Writes large files past the page cache, neighbouring pieces together. */

import { write as writeToFile } from 'node:fs';
import { promisify } from 'node:util';
import { STEP_BYTES, type AlignedMemory } from '../storage/aligned-memory.js';
import { writeFully } from './staged-file.js';
import type { LargeFile } from './write-job.js';

/** The largest page of any system: none of the cache holds bytes that are written past it. */
const PAGE_BYTES = 64 * 1024;

/** Less goes through the cache. */
const LEAST_BYTES = 256 * 1024;
/** Steps of one thread that may wait for the disk. */
const MOST_STEPS = 8;

/** Bytes of a file that are written together. */
interface Step {
  readonly file: LargeFile;
  readonly memory: Buffer;
  /** Where in the file the memory's first byte belongs: a multiple of the page. */
  readonly position: number;
  /** The first byte in it that is the file's. */
  readonly from: number;
  /** The byte after the last. */
  to: number;
  /** Pieces with bytes in it, by their numbers. */
  readonly pieces: Set<number>;
}

/** Writes the large files of one job, while its next pieces are being opened. */
export class DirectWriter {
  readonly #memory: AlignedMemory;
  readonly #failed: number[] = [];
  readonly #writing: Promise<void>[] = [];
  #step: Step | undefined;

  constructor(memory: AlignedMemory) {
    this.#memory = memory;
  }

  /** Takes bytes of a piece, which are the caller's again when it returns. */
  write(
    file: LargeFile,
    place: { readonly piece: number; readonly offset: number },
    bytes: Uint8Array,
  ): void {
    for (let done = 0; done < bytes.length;) {
      const step = this.#stepFor(file, place.offset + done);
      const part = bytes.subarray(done, done + STEP_BYTES - step.to);
      step.memory.set(part, step.to);
      step.to += part.length;
      step.pieces.add(place.piece);
      done += part.length;
    }
  }

  /** Waits until all is written. @returns the pieces of which some bytes are not. */
  async finish(): Promise<readonly number[]> {
    this.#begin();
    await Promise.all(this.#writing);
    return this.#failed;
  }

  #stepFor(file: LargeFile, offset: number): Step {
    const step = this.#step;
    const isNext = step?.file.descriptor === file.descriptor && step.position + step.to === offset;
    if (step !== undefined && isNext && step.to < STEP_BYTES) return step;
    this.#begin();
    const from = offset % PAGE_BYTES;
    const next = {
      file,
      memory: this.#memory.take(),
      position: offset - from,
      from,
      to: from,
      pieces: new Set<number>(),
    };
    this.#step = next;
    return next;
  }

  #begin(): void {
    const step = this.#step;
    this.#step = undefined;
    if (step === undefined) return;
    if (step.to - step.from < LEAST_BYTES || this.#memory.taken > MOST_STEPS) {
      this.#writeCached(step);
      return;
    }
    const written = writeStep(step)
      .catch(() => void this.#failed.push(...step.pieces))
      .finally(() => this.#memory.give(step.memory));
    this.#writing.push(written);
  }

  /** The usual way, at once: what is short is not worth the disk's waiting, and memory is not endless. */
  #writeCached({ file, memory, position, from, to, pieces }: Step): void {
    try {
      writeFully(file.descriptor, memory.subarray(from, to), position + from);
    } catch {
      this.#failed.push(...pieces);
    }
    this.#memory.give(memory);
  }
}

/**
 * Whole pages go past the cache, what lies before and behind them goes through it. Never in this thread: while the disk
 * writes a part of a file, nobody else can write another one.
 */
async function writeStep({ file, memory, position, from, to }: Step): Promise<void> {
  const head = Math.min(Math.ceil(from / PAGE_BYTES) * PAGE_BYTES, to);
  const tail = Math.max(Math.floor(to / PAGE_BYTES) * PAGE_BYTES, head);
  const cached = async (start: number, end: number): Promise<void> => {
    for (let done = start; done < end;)
      done += (await write(file.descriptor, memory, done, end - done, position + done)).bytesWritten;
  };
  await cached(from, head);
  // Where a file system cannot, or the disk is full: writing the rest the usual way tells which.
  const direct = tail > head ? await writeDirect(file.direct, memory, head, tail, position) : 0;
  await cached(head + direct, tail);
  await cached(tail, to);
}

/** @returns how many bytes were written. */
async function writeDirect(
  direct: number,
  memory: Buffer,
  start: number,
  end: number,
  position: number,
): Promise<number> {
  try {
    return (await write(direct, memory, start, end - start, position + start)).bytesWritten;
  } catch {
    return 0;
  }
}

const write = promisify(writeToFile);
