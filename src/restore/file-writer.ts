/** Writes the content of files by threads that read packs and write to the target themselves (§22). */

import { isNbakError } from '../errors.js';
import type { BlobSecrets } from '../repository/blob-crypto.js';
import type { BlobReader } from '../repository/blob-reader.js';
import type { HeldBytes, PackFiles } from '../repository/pack-files.js';
import { threadPool, type ThreadPool } from '../threads/thread-pool.js';
import type { FileInProgress, OrderedPiece, PieceTicket } from './file-in-progress.js';
import { StagedFile } from './staged-file.js';
import { writeHandler } from './write-handler.js';
import { HASH_BYTES, type FrameRun, type WriteAnswer, type WriteJob } from './write-job.js';
import { planJobs, type PieceTask, type PlannedJob } from './write-plan.js';

/** What a writer is made of. */
export interface FileWriterParts {
  readonly blobs: BlobReader;
  readonly secrets: BlobSecrets;
  /** 0 works in this thread. */
  readonly threads: number;
}

/** What happens to files that a writer is given. */
export interface WriteEvents {
  /** Bytes were written. */
  readonly written: (bytes: number) => void;
  /** Nothing of the file is under way any more; it may be damaged. */
  readonly done: (file: FileInProgress) => Promise<void> | void;
  /** Called before every job; throws to stop. */
  readonly proceed: () => void;
}

/** Pieces are put into the order of packs within this many bytes of content, or this many pieces. */
const WINDOW_BYTES = 32 * 1024 * 1024;
const WINDOW_PIECES = 1024;
/** Open files in a window; others are made and closed by threads. */
const WINDOW_FILES = 128;
/** Jobs under way for each that a pool wants: while the disk writes what is left of some, threads open others. */
const JOBS_PER_PLACE = 2;

/** Writes files in jobs. Its threads start at once, to be ready when the first job is. */
export class FileWriter {
  readonly #blobs: BlobReader;
  readonly #packs: PackFiles;
  readonly #pool: ThreadPool<WriteJob, WriteAnswer>;

  constructor({ blobs, secrets, threads }: FileWriterParts) {
    this.#blobs = blobs;
    this.#packs = blobs.packFiles();
    this.#pool = threadPool({
      threads,
      module: new URL('./write-worker.js', import.meta.url),
      startOf: () => secrets,
      makeHandler: writeHandler,
    });
    for (let lane = 0; lane < threads; lane += 1) {
      // What keeps a thread from starting keeps it from its first job, too.
      this.#pool.askLane(lane, { runs: [] }).catch(() => undefined);
    }
  }

  /**
   * Writes files, each of which has at least one piece. When it is over, also by a failure, no thread uses any of
   * the files.
   *
   * @throws NbakError what `proceed` or `done` throws; `INTERNAL` when a thread died.
   */
  async write(files: Iterable<FileInProgress>, events: WriteEvents): Promise<void> {
    const jobs = this.#jobs(files);
    let isStopped = false;
    const lane = async (): Promise<void> => {
      try {
        for (let next = jobs.next(); next.done !== true && !isStopped; next = jobs.next()) {
          events.proceed();
          await this.#do(next.value, events);
        }
      } catch (error) {
        isStopped = true;
        throw error;
      }
    };
    const lanes = await Promise.allSettled(Array.from({ length: this.#pool.width * JOBS_PER_PLACE }, lane));
    for (const each of lanes) if (each.status === 'rejected') throw each.reason;
  }

  async close(): Promise<void> {
    await this.#pool.close();
    await this.#packs.close();
  }

  *#jobs(files: Iterable<FileInProgress>): Generator<PlannedJob> {
    let window = new Window();
    for (const file of files) {
      window.open(file);
      for (const piece of file.orders()) {
        window.add(piece);
        if (!window.isFull) continue;
        yield* window.jobs(this.#blobs);
        window = new Window();
      }
    }
    yield* window.jobs(this.#blobs);
  }

  async #do(job: PlannedJob, { written, done }: WriteEvents): Promise<void> {
    const answer = await this.#ask(job);
    const failed = new Set(answer?.failed);
    const disowned = new Set(answer?.disowned);
    for (const [i, ticket] of job.tickets.entries()) {
      const hash =
        answer === undefined || failed.has(i)
          ? undefined
          : answer.hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES);
      if (hash !== undefined) written(ticket.bytes);
      if (disowned.has(i)) ticket.file.owned = false;
      if (ticket.file.note(ticket, hash)) await done(ticket.file);
    }
  }

  /** @returns undefined where no piece of the job can be had this way. */
  async #ask({ runs }: PlannedJob): Promise<WriteAnswer | undefined> {
    const held: HeldBytes[] = [];
    try {
      const ready: FrameRun[] = [];
      for (const { pack, offset, length, frames } of runs) {
        const bytes = await this.#hold(pack, offset, length);
        if (bytes === undefined) return undefined;
        held.push(bytes);
        ready.push({ from: bytes.from, length, frames });
      }
      return ready.length === 0 ? undefined : await this.#pool.ask({ runs: ready });
    } finally {
      for (const { release } of held) release();
    }
  }

  async #hold(...place: Parameters<PackFiles['hold']>): Promise<HeldBytes | undefined> {
    try {
      return await this.#packs.hold(...place);
    } catch (error) {
      // Who restores the file alone will meet it again, and say it.
      if (isNbakError(error)) return undefined;
      throw error;
    }
  }
}

/** Pieces that are put into the order of packs together. */
class Window {
  readonly #pieces: OrderedPiece[] = [];
  #files = 0;
  #bytes = 0;

  get isFull(): boolean {
    const pieces = this.#pieces.length;
    return this.#bytes >= WINDOW_BYTES || pieces >= WINDOW_PIECES || this.#files >= WINDOW_FILES;
  }

  open({ into }: FileInProgress): void {
    if (into instanceof StagedFile) this.#files += 1;
  }

  add(piece: OrderedPiece): void {
    this.#bytes += piece.ticket.bytes;
    this.#pieces.push(piece);
  }

  *jobs(blobs: BlobReader): Generator<PlannedJob> {
    const places = blobs.locateAll(new Set(this.#pieces.map(({ ticket }) => ticket.blob)));
    const tasks: PieceTask[] = [];
    const lost: PieceTicket[] = [];
    for (const { order, ticket } of this.#pieces) {
      const place = places.get(ticket.blob);
      if (place === undefined) lost.push(ticket);
      else tasks.push({ place, order, ticket });
    }
    if (lost.length > 0) yield { runs: [], tickets: lost };
    yield* planJobs(tasks);
  }
}
