/** Captures SQLite databases that others are writing: one cut over all of them, then one copy after the other. */
import { closeSync, fstatSync, lstatSync } from 'node:fs';
import { NbakError, isNbakError } from '../../errors.js';
import type { ErrorCode } from '../../errors.js';
import { Candidate } from './candidate.js';
import type { CaptureContext } from './candidate.js';
import { CaptureProcess, CaptureProcessError } from './child-process.js';
import { sidecarPath, toLatin1 } from './header.js';
import type { FilePath } from './header.js';
import { createPrivateDirectory, removePrivateDirectory } from './private-directory.js';
import type { Cut, DatabaseFacts } from './protocol.js';
import { requireSpace } from './space.js';

export type { FilePath } from './header.js';
export type { Cut, DatabaseFacts } from './protocol.js';

/** Where copies go and how long to wait. */
export interface CaptureOptions {
  /** An existing directory with room for the largest database and for all that nobody has open. */
  readonly stagingDirectory: string;
  /** Milliseconds that one database may keep the capture waiting for its lock. */
  readonly lockWaitMs: number;
  readonly signal?: AbortSignal;
}

/** A copy of one database. */
export interface DatabaseCopy {
  /** Open for reading at any offset; the file has no name. The caller closes it. */
  readonly descriptor: number;
  readonly size: number;
  readonly facts: DatabaseFacts;
}

/** One database of a capture. */
export interface PinnedDatabase {
  readonly path: FilePath;
  /** `damaged`: SQLite cannot read it; store its files as they are. */
  readonly outcome: 'pinned' | 'locked' | 'damaged' | 'unreadable';
  /** Why it is not pinned. */
  readonly message?: string;
  /**
   * Copies the pinned state, releases the pin, then checks the copy. Once per database. `facts.check` may be
   * `damaged`; then the copy is what SQLite reads, page for page.
   *
   * @throws NbakError `SPACE_INSUFFICIENT`, `DATABASE_DAMAGED`, `DATABASE_LOCKED`, `SOURCE_UNREADABLE`,
   * `INTERRUPTED`.
   */
  copy(): Promise<DatabaseCopy>;
}

/** A cut over databases. Close it, or writers of rollback-mode databases stay blocked. */
export interface Capture extends AsyncDisposable {
  /** `none`: the databases may show different moments. */
  readonly cut: Cut;
  /** The moment of the cut, milliseconds since 1970. */
  readonly timeMs: number;
  /** In the order in which they are best copied: first those whose pin blocks their writers. */
  readonly databases: readonly PinnedDatabase[];
  /** Releases every pin, ends the process and removes its directory. Handed-out descriptors stay open. */
  close(): Promise<void>;
}

/** How often databases that moved after they were copied are copied again before the cut counts as loose. */
const MAX_ROUNDS = 5;

/**
 * Starts the capture process, opens every database of `paths`, pins them all and proves that the pins show one
 * moment. Never fails for one database: its `outcome` says so.
 *
 * @throws NbakError `TARGET_FAILED` or `SPACE_INSUFFICIENT` for the staging directory, `SOURCE_UNREADABLE` when the
 * process dies, `INTERRUPTED`.
 */
export async function captureDatabases(
  paths: readonly FilePath[],
  options: CaptureOptions,
): Promise<Capture> {
  if (isAborted(options.signal)) throw interrupted();
  const directory = createPrivateDirectory(options.stagingDirectory);
  const session = new CaptureSession(directory, options);
  try {
    await session.prepare(paths);
    return session;
  } catch (error) {
    await session.close();
    throw isAborted(options.signal) ? interrupted() : toNbakError(error);
  }
}

class CaptureSession implements Capture {
  cut: Cut = 'none';
  timeMs = 0;
  databases: readonly PinnedDatabase[] = [];
  readonly #context: CaptureContext;
  readonly #onAbort: () => void;
  #candidates: readonly Candidate[] = [];
  #closing: Promise<void> | undefined;

  constructor(directory: string, options: CaptureOptions) {
    const { lockWaitMs, signal } = options;
    this.#context = {
      child: new CaptureProcess(directory),
      directory,
      lockWaitMs,
      ...(signal && { signal }),
    };
    this.#onAbort = () => void this.#context.child.kill(interrupted());
    signal?.addEventListener('abort', this.#onAbort);
  }

  async prepare(paths: readonly FilePath[]): Promise<void> {
    const sorted = [...paths].sort((a, b) => (toLatin1(a) < toLatin1(b) ? -1 : 1));
    this.#candidates = sorted.map((path, number) => new Candidate(this.#context, path, number));
    for (const candidate of this.#candidates) await candidate.prepare();
    this.#requireSpaceForLargest();
    await this.#pin();
    this.databases = [...this.#candidates]
      .sort((a, b) => urgency(a) - urgency(b))
      .map((each) => this.#present(each));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #pin(): Promise<void> {
    const outdated = new Set<Candidate>();
    for (let round = 1; ; round += 1) {
      const open = this.#candidates.filter(({ state }) => state.way === 'in-place');
      const copied = this.#candidates.filter(({ state }) => state.way === 'copy');
      const watched = copied.filter((candidate) => !outdated.has(candidate));
      const answer = await this.#context.child.ask('pin', {
        databases: open.map(({ number }) => number),
        lockable: open.flatMap(({ number, state }) =>
          state.way === 'in-place' && state.isLockable ? [number] : [],
        ),
        held: watched.flatMap(({ path, state }) =>
          state.way === 'copy' ? [{ path: toLatin1(path), stillness: state.stillness }] : [],
        ),
        hiddenWriters: open.some(({ state }) => state.way === 'in-place' && state.isWal && !state.isSeen),
        lockWaitMs: this.#context.lockWaitMs,
      });
      if (answer.outcome === 'pinned') {
        this.cut = outdated.size > 0 ? 'none' : answer.cut;
        this.timeMs = answer.timeMs;
        return;
      }
      if (answer.outcome === 'moved') {
        const moved = answer.held.flatMap((index) => watched[index] ?? []);
        if (round > MAX_ROUNDS) moved.forEach((candidate) => outdated.add(candidate));
        else for (const candidate of moved) await candidate.again('moved');
        continue;
      }
      const stuck = this.#candidates[answer.database];
      if (stuck === undefined) throw new RangeError('The capture process named an unknown database');
      if (answer.outcome === 'failed' && answer.reason === 'copy') {
        await stuck.again('needs-copy');
        continue;
      }
      await stuck.release();
      if (answer.outcome === 'busy') stuck.fail('locked', 'Locked by another process');
      else stuck.fail(answer.reason === 'damaged' ? 'damaged' : 'unreadable', answer.message);
    }
  }

  #present(candidate: Candidate): PinnedDatabase {
    const { path, state } = candidate;
    if (state.way === 'failed') {
      const refuse = (): Promise<never> => Promise.reject(new TypeError('This database is not pinned'));
      return { path, outcome: state.outcome, message: state.message, copy: refuse };
    }
    let isTaken = false;
    return {
      path,
      outcome: 'pinned',
      copy: async () => {
        if (isTaken) throw new TypeError('This database was copied already');
        isTaken = true;
        try {
          return await this.#copy(candidate);
        } catch (error) {
          throw isAborted(this.#context.signal) ? interrupted() : toNbakError(error, path);
        }
      },
    };
  }

  async #copy(candidate: Candidate): Promise<DatabaseCopy> {
    const { child, directory } = this.#context;
    const { state, path, number } = candidate;
    if (state.way === 'copy') {
      const facts = await child.ask('check', { file: state.file.path });
      const { descriptor } = state.file;
      // From here on the descriptor is the caller's.
      candidate.fail('unreadable', 'Copied already');
      return { descriptor, size: fstatSync(descriptor).size, facts };
    }
    requireSpace(directory, sizeWithLog(path));
    const { descriptor, path: file } = await candidate.makeFile();
    try {
      await child.ask('copy', { database: number, file });
      const facts = await child.ask('check', { file });
      return { descriptor, size: fstatSync(descriptor).size, facts };
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }

  #requireSpaceForLargest(): void {
    const open = this.#candidates.filter(({ state }) => state.way === 'in-place');
    requireSpace(this.#context.directory, Math.max(0, ...open.map(({ path }) => sizeWithLog(path))));
  }

  async #close(): Promise<void> {
    this.#context.signal?.removeEventListener('abort', this.#onAbort);
    for (const { state } of this.#candidates) if (state.way === 'copy') closeSync(state.file.descriptor);
    await this.#context.child.end();
    removePrivateDirectory(this.#context.directory);
  }
}

/** Pins in rollback mode block writers, pins in WAL mode only let the log grow, copies bother nobody. */
function urgency({ state }: Candidate): number {
  if (state.way !== 'in-place') return 2;
  return state.isWal ? 1 : 0;
}

/** Pages of the log may lie beyond the file's end; each is counted, which errs upwards. */
function sizeWithLog(path: FilePath): number {
  const files = [Buffer.from(path), sidecarPath(path, '-wal')];
  return files.reduce((sum, file) => sum + (lstatSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function interrupted(): NbakError {
  return new NbakError('INTERRUPTED', 'The capture of databases was interrupted');
}

function toNbakError(error: unknown, path?: FilePath): Error {
  if (isNbakError(error) || !(error instanceof CaptureProcessError)) return error as Error;
  const name = path === undefined ? 'A database' : `Database ${Buffer.from(path).toString()}`;
  return new NbakError(codeFor(error.code), `${name} could not be copied: ${error.message}`, {
    details: { reason: error.code },
    hint: 'The rest of the backup is not affected.',
    cause: error,
  });
}

function codeFor(sqlite: string): ErrorCode {
  if (/^SQLITE_(BUSY|LOCKED)/.test(sqlite)) return 'DATABASE_LOCKED';
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(sqlite)) return 'DATABASE_DAMAGED';
  return sqlite === 'SQLITE_FULL' ? 'SPACE_INSUFFICIENT' : 'SOURCE_UNREADABLE';
}
