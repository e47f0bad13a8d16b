/** A window of a restore: pieces that are put into the order of packs together, and of large files into one memory. */

import type { BlobReader } from '../repository/blob-reader.js';
import type { FileInProgress, OrderedPiece, PieceTicket } from './file-in-progress.js';
import { StagedFile } from './staged-file.js';
import { WindowMemory } from './window-memory.js';
import { planJobs, type PieceTask, type PlannedJob } from './write-plan.js';

/** Bytes of content, pieces, and open files of a window; other files are made and closed by threads. */
const WINDOW_BYTES = 8 * 1024 * 1024;
const WINDOW_PIECES = 1024;
const WINDOW_FILES = 128;
/** Files begin somewhere in a page, and the last piece may be longer than what is left. */
const MEMORY_BYTES = WINDOW_BYTES + 2 * 1024 * 1024;

/** A job and the window that is to be told of it. */
export interface WindowJob extends PlannedJob {
  readonly window: WriteWindow;
}

/** What became of a piece: its hash where it could be written. */
export interface PieceOutcome {
  readonly ticket: PieceTicket;
  readonly hash: Uint8Array | undefined;
}

/** Memories that no window uses. */
export type FreeMemories = WindowMemory[];

/** Pieces of many files, from when they are collected until they are written. */
export class WriteWindow {
  readonly #free: FreeMemories;
  readonly #pieces: OrderedPiece[] = [];
  /** Pieces of which a thread writes the bytes to the memory. */
  readonly #inMemory = new Set<PieceTicket>();
  readonly #late: PieceOutcome[] = [];
  #memory: WindowMemory | undefined;
  #files = 0;
  #bytes = 0;
  #jobs = 0;

  constructor(free: FreeMemories) {
    this.#free = free;
  }

  get isFull(): boolean {
    const pieces = this.#pieces.length;
    return this.#bytes >= WINDOW_BYTES || pieces >= WINDOW_PIECES || this.#files >= WINDOW_FILES;
  }

  /** The memory that orders of its jobs mean. */
  get memory(): Uint8Array | undefined {
    return this.#memory?.bytes;
  }

  open({ into }: FileInProgress): void {
    if (into instanceof StagedFile) this.#files += 1;
  }

  add(piece: OrderedPiece): void {
    this.#bytes += piece.ticket.bytes;
    this.#pieces.push(this.#placed(piece));
  }

  /** Jobs for all of its pieces. Nothing is added any more. */
  jobs(blobs: BlobReader): readonly WindowJob[] {
    const places = blobs.locateAll(new Set(this.#pieces.map(({ ticket }) => ticket.blob)));
    const tasks: PieceTask[] = [];
    const lost: PieceTicket[] = [];
    for (const { order, ticket } of this.#pieces) {
      const place = places.get(ticket.blob);
      if (place === undefined) lost.push(ticket);
      else tasks.push({ place, order, ticket });
    }
    const planned = [...planJobs(tasks), ...(lost.length > 0 ? [{ runs: [], tickets: lost }] : [])];
    this.#jobs = planned.length;
    return planned.map((job) => ({ ...job, window: this }));
  }

  /**
   * Takes what a job did; with the last one, what is in memory is written.
   *
   * @returns what became of pieces, as far as it is known by now.
   */
  async settle(outcomes: readonly PieceOutcome[]): Promise<readonly PieceOutcome[]> {
    const known: PieceOutcome[] = [];
    for (const each of outcomes) (this.#inMemory.has(each.ticket) ? this.#late : known).push(each);
    this.#jobs -= 1;
    const memory = this.#memory;
    if (this.#jobs > 0 || memory === undefined) return known;
    const failed = await memory.write();
    this.#free.push(memory);
    const isFailed = ({ file: { into } }: PieceTicket): boolean =>
      into instanceof StagedFile && failed.has(into);
    const late = this.#late.map(({ ticket, hash }) => ({
      ticket,
      hash: isFailed(ticket) ? undefined : hash,
    }));
    return [...known, ...late];
  }

  /** Where the bytes of the piece go: of a large file, to the memory. */
  #placed(piece: OrderedPiece): OrderedPiece {
    const { order, ticket } = piece;
    const file = ticket.file.into;
    if (!('descriptor' in order.into) || !(file instanceof StagedFile) || file.direct === undefined)
      return piece;
    this.#memory ??= this.#free.pop() ?? new WindowMemory(MEMORY_BYTES);
    const inMemory = this.#memory.place(file, order.into.parts);
    // Longer than any piece that we make: its thread writes it to the file.
    if (inMemory === undefined) return piece;
    this.#inMemory.add(ticket);
    return { order: { ...order, into: { inMemory } }, ticket };
  }
}
