/** Captures SQLite databases that others are writing: one cut over all of them, then each is read or copied. */
import { closeSync } from 'node:fs';
import { Candidate } from './candidate.js';
import type { CaptureContext } from './candidate.js';
import { interrupted, isAborted, toNbakError } from './capture-errors.js';
import { CaptureProcess } from './child-process.js';
import type { TokenQuery } from '../tokens/database-tokens.js';
import { toLatin1 } from './header.js';
import type { FilePath } from './header.js';
import { DatabasePin } from './database-pin.js';
import type { DatabaseCopy, DatabaseReading } from './database-pin.js';
import { createPrivateDirectory, removePrivateDirectory } from './private-directory.js';
import type { Cut } from './protocol.js';
import { requireSpace, sizeWithLog } from './space.js';

export type { FilePath } from './header.js';
export type { DatabaseCopy, DatabaseReading } from './database-pin.js';
export type { Cut, DatabaseFacts } from './protocol.js';

/** Where copies go and how long to wait. */
export interface CaptureOptions {
  /** An existing directory with room for the largest database in rollback mode and for all that nobody has open. */
  readonly stagingDirectory: string;
  /** Milliseconds that one database may keep the capture waiting for its lock. */
  readonly lockWaitMs: number;
  readonly signal?: AbortSignal;
}

/** One database of a capture. */
export interface PinnedDatabase {
  readonly path: FilePath;
  /** `damaged`: SQLite cannot read it; store its files as they are. */
  readonly outcome: 'pinned' | 'locked' | 'damaged' | 'unreadable';
  /** Why it is not pinned. */
  readonly message?: string;
  /**
   * Makes the pinned state readable, in the source itself where that can be proven right afterwards, else in a copy.
   * Once per database, and once more when {@link DatabaseReading.finish} has found that the proof failed.
   *
   * @param tokens - to be counted in it.
   * @throws NbakError as {@link copy} does.
   */
  read(tokens?: readonly TokenQuery[]): Promise<DatabaseReading>;
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
  /** In the order in which they are best read: first those whose pin blocks their writers. */
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
    if (state.way !== 'failed') return new DatabasePin(this.#context, candidate);
    const refuse = (): Promise<never> => Promise.reject(new TypeError('This database is not pinned'));
    return { path, outcome: state.outcome, message: state.message, read: refuse, copy: refuse };
  }

  /** Of those that are always copied; the others, only when they cannot be read in place. */
  #requireSpaceForLargest(): void {
    const copied = this.#candidates.filter(({ state }) => state.way === 'in-place' && !state.isWal);
    requireSpace(this.#context.directory, Math.max(0, ...copied.map(({ path }) => sizeWithLog(path))));
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
