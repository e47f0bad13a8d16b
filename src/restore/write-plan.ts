/** Orders pieces of many files as their packs have them: each frame is read and opened once, neighbours together. */

import type { PackId } from '../format/ids.js';
import type { BlobPlace } from '../repository/catalog-blobs.js';
import type { OrderedPiece, PieceTicket } from './file-in-progress.js';
import type { FrameOrder, PieceOrder } from './write-job.js';

/** A piece to be written, and where its blob lies. */
export interface PieceTask extends OrderedPiece {
  readonly place: BlobPlace;
}

/** Neighbouring frames of one pack. */
export interface PlannedRun {
  readonly pack: PackId;
  readonly offset: number;
  length: number;
  readonly frames: PlannedFrame[];
}

interface PlannedFrame extends FrameOrder {
  readonly pieces: PieceOrder[];
}

/** A job before its packs are open; tickets are in the order of its pieces. */
export interface PlannedJob {
  readonly runs: PlannedRun[];
  readonly tickets: PieceTicket[];
}

/** What is read at once: little enough to stay in the processor's caches until it is opened. */
const MOST_RUN_BYTES = 1024 * 1024;
/** What one message to a thread asks for: enough to be worth it, little enough to keep all threads busy to the end. */
const JOB_BYTES = 2 * 1024 * 1024;
const JOB_PIECES = 256;

/** Makes jobs of pieces, in the order of packs and offsets. */
export function* planJobs(tasks: readonly PieceTask[]): Generator<PlannedJob> {
  let job: PlannedJob = { runs: [], tickets: [] };
  let bytes = 0;
  let last: BlobPlace | undefined;
  for (const { place, order, ticket } of tasks.toSorted(byPlace)) {
    const isSame = last !== undefined && isSameFrame(last, place);
    if (!isSame && (bytes >= JOB_BYTES || job.tickets.length >= JOB_PIECES)) {
      yield job;
      job = { runs: [], tickets: [] };
      bytes = 0;
    }
    if (!isSame) {
      addFrame(job.runs, place);
      bytes += place.length;
    }
    job.runs.at(-1)?.frames.at(-1)?.pieces.push(order);
    job.tickets.push(ticket);
    last = place;
  }
  if (job.tickets.length > 0) yield job;
}

function addFrame(runs: PlannedRun[], { pack, offset, length, dedup }: BlobPlace): void {
  const run = runs.at(-1);
  const follows = run?.pack === pack && run.offset + run.length === offset;
  if (run !== undefined && follows && run.length + length <= MOST_RUN_BYTES) {
    run.frames.push({ offset: run.length, length, dedup, pieces: [] });
    run.length += length;
  } else {
    runs.push({ pack, offset, length, frames: [{ offset: 0, length, dedup, pieces: [] }] });
  }
}

function isSameFrame(a: BlobPlace, b: BlobPlace): boolean {
  return a.pack === b.pack && a.offset === b.offset;
}

function byPlace({ place: a }: PieceTask, { place: b }: PieceTask): number {
  if (a.pack === b.pack) return a.offset - b.offset;
  return a.pack < b.pack ? -1 : 1;
}
