/**
 * In the capture process: pins all databases so that every pin shows one moment (DESIGN §6). Transactions begun one
 * after the other do not; a proof that nobody committed between the first and the last does.
 */
import { sleepSync } from '../clock.js';
import { walWriters } from './file-locks.js';
import { fromLatin1 } from './header.js';
import type { Cut, PinAnswer, PinRequest } from './protocol.js';
import type { SourceDatabase } from './source-database.js';
import { classifyError } from './sqlite-errors.js';
import { stillness } from './stillness.js';

/** After this much failing, the write locks are asked for. */
const PROOF_MS = 2000;
/** Writers wait no longer than this for us; their own patience is often 5 s, sometimes none. */
const LOCK_MS = 200;
/** Without sight of others' locks: how long all must stay quiet after the last pin. */
const QUIET_MS = 25;
/** Write locks this old with no commit anywhere belong to a long transaction, not to one that is committing. */
const IDLE_MS = 1000;
const MAX_PAUSE_MS = 2;

/** The databases of one `pin` request in the order of pinning. */
interface CutPlan {
  readonly request: PinRequest;
  /** Rollback mode first: once pinned they cannot change, so the proof is about the others only. */
  readonly rollback: readonly SourceDatabase[];
  readonly wal: readonly SourceDatabase[];
  readonly numbers: ReadonlyMap<SourceDatabase, number>;
}

/** Pins `databases` (number → database, in path order) as `request` says. On any answer but `pinned` no pin is left. */
export function pinAll(databases: ReadonlyMap<number, SourceDatabase>, request: PinRequest): PinAnswer {
  const numbers = new Map(request.databases.flatMap((number) => entryOf(databases, number)));
  const all = [...numbers.keys()];
  const wal = all.filter((database) => database.isWal);
  const plan: CutPlan = { request, numbers, wal, rollback: all.filter((database) => !database.isWal) };
  try {
    return tryCuts(plan);
  } catch (error) {
    all.forEach((database) => database.unpin());
    throw error;
  } finally {
    all.forEach((database) => database.unlock());
  }
}

function entryOf(
  databases: ReadonlyMap<number, SourceDatabase>,
  number: number,
): (readonly [SourceDatabase, number])[] {
  const database = databases.get(number);
  return database === undefined ? [] : [[database, number] as const];
}

function tryCuts(plan: CutPlan): PinAnswer {
  const busyEnd = Date.now() + Math.max(plan.request.lockWaitMs, PROOF_MS);
  const quiet = new QuietWatch();
  let proofEnd = Date.now() + PROOF_MS;
  let mode: Cut = 'proven';
  while (true) {
    const started = Date.now();
    if (mode === 'proven' && started > proofEnd) mode = lockAll(plan) ? 'locked' : 'none';
    const failure = pinOnce(plan, quiet);
    if (failure === undefined) {
      const moved = movedCopies(plan.request);
      if (moved.length > 0) {
        unpinAll(plan);
        return { outcome: 'moved', held: moved };
      }
      if (mode !== 'proven' || isOneMoment(plan, quiet))
        return { outcome: 'pinned', cut: mode, timeMs: Date.now() };
    }
    unpinAll(plan);
    if (failure?.outcome === 'failed' || (failure !== undefined && Date.now() > busyEnd)) return failure;
    sleepSync(Math.random() * MAX_PAUSE_MS);
    // Waiting for a lock is no failed proof.
    if (failure !== undefined) proofEnd += Date.now() - started;
  }
}

type PinFailure = Extract<PinAnswer, { outcome: 'busy' | 'failed' }>;

/** Pins in order; returns what stopped it, undefined when all are pinned. */
function pinOnce(plan: CutPlan, quiet: QuietWatch): PinFailure | undefined {
  for (const database of [...plan.rollback, ...plan.wal]) {
    try {
      if (database.isWal) quiet.see(database, database.mark());
      database.pin();
    } catch (error) {
      const number = plan.numbers.get(database) ?? -1;
      const reason = classifyError(error);
      if (reason === 'busy') return { outcome: 'busy', database: number };
      return {
        outcome: 'failed',
        database: number,
        reason,
        message: error instanceof Error ? error.message : '',
      };
    }
  }
  return undefined;
}

/**
 * True when the pins show one moment and that moment lies in no transaction's commit. Order matters: a transaction
 * over two attached databases shows in one before the other; it either still holds both write locks here, or its
 * second commit is seen by the versions read after that.
 */
function isOneMoment(plan: CutPlan, quiet: QuietWatch): boolean {
  if (plan.wal.length + plan.rollback.length < 2) return true;
  if (plan.request.hiddenWriters) sleepSync(QUIET_MS);
  const writers = walWriters(plan.wal.map((database) => fromLatin1(database.path)));
  const isCommitting = [...writers.values()].some((count) => count > 1);
  if (plan.wal.some((database) => database.hasMoved())) {
    quiet.disturb();
    return false;
  }
  return !isCommitting || quiet.milliseconds() > IDLE_MS;
}

/** Write locks of all WAL databases in path order, or none: a writer that waits for us must not wait long. */
function lockAll(plan: CutPlan): boolean {
  const end = Date.now() + LOCK_MS;
  const lockable = new Set(plan.request.lockable);
  try {
    for (const database of plan.wal) {
      const number = plan.numbers.get(database);
      if (number === undefined || !lockable.has(number)) throw new RangeError('not lockable');
      database.lock(Math.max(1, end - Date.now()));
    }
    return true;
  } catch {
    plan.wal.forEach((database) => database.unlock());
    return false;
  }
}

function unpinAll(plan: CutPlan): void {
  for (const database of plan.numbers.keys()) database.unpin();
}

function movedCopies(request: PinRequest): number[] {
  return request.held.flatMap((held, index) =>
    stillness(fromLatin1(held.path)) === held.stillness ? [] : [index],
  );
}

/** How long no database has changed, over all attempts. */
class QuietWatch {
  readonly #versions = new Map<SourceDatabase, unknown>();
  #since = Date.now();

  see(database: SourceDatabase, version: unknown): void {
    const before = this.#versions.get(database);
    if (before !== undefined && before !== version) this.disturb();
    this.#versions.set(database, version);
  }

  disturb(): void {
    this.#since = Date.now();
  }

  milliseconds(): number {
    return Date.now() - this.#since;
  }
}
