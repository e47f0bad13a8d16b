/** Writes the content of files by threads that read packs and write to the target themselves (§22). */

import { isNbakError } from '../errors.js';
import type { BlobSecrets } from '../repository/blob-crypto.js';
import type { BlobReader } from '../repository/blob-reader.js';
import type { HeldBytes, PackFiles } from '../repository/pack-files.js';
import { threadPool, type ThreadPool } from '../threads/thread-pool.js';
import type { FileInProgress } from './file-in-progress.js';
import { writeHandler } from './write-handler.js';
import { HASH_BYTES, type FrameRun, type WriteAnswer, type WriteJob } from './write-job.js';
import { WriteWindow, type FreeMemories, type WindowJob } from './write-window.js';

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
      this.#pool.askLane(lane, { runs: [], memory: undefined }).catch(() => undefined);
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
    const lanes = await Promise.allSettled(Array.from({ length: this.#pool.width }, lane));
    for (const each of lanes) if (each.status === 'rejected') throw each.reason;
  }

  async close(): Promise<void> {
    await this.#pool.close();
    await this.#packs.close();
  }

  *#jobs(files: Iterable<FileInProgress>): Generator<WindowJob> {
    const memories: FreeMemories = [];
    let window = new WriteWindow(memories);
    for (const file of files) {
      window.open(file);
      for (const piece of file.orders()) {
        window.add(piece);
        if (!window.isFull) continue;
        yield* window.jobs(this.#blobs);
        window = new WriteWindow(memories);
      }
    }
    yield* window.jobs(this.#blobs);
  }

  async #do(job: WindowJob, { written, done }: WriteEvents): Promise<void> {
    const answer = await this.#ask(job);
    const failed = new Set(answer?.failed);
    for (const i of answer?.disowned ?? []) {
      const ticket = job.tickets[i];
      if (ticket !== undefined) ticket.file.owned = false;
    }
    const outcomes = job.tickets.map((ticket, i) => {
      const hash = failed.has(i) ? undefined : answer?.hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES);
      return { ticket, hash };
    });
    for (const { ticket, hash } of await job.window.settle(outcomes)) {
      if (hash !== undefined) written(ticket.bytes);
      if (ticket.file.note(ticket, hash)) await done(ticket.file);
    }
  }

  /** @returns undefined where no piece of the job can be had this way. */
  async #ask({ runs, window: { memory } }: WindowJob): Promise<WriteAnswer | undefined> {
    const held: HeldBytes[] = [];
    try {
      const ready: FrameRun[] = [];
      for (const { pack, offset, length, frames } of runs) {
        const bytes = await this.#hold(pack, offset, length);
        if (bytes === undefined) return undefined;
        held.push(bytes);
        ready.push({ from: bytes.from, length, frames });
      }
      return ready.length === 0 ? undefined : await this.#pool.ask({ runs: ready, memory });
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
