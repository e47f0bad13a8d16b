/** In the capture process: the connections to one database of the source, none of which ever writes. */
import { symlinkSync } from 'node:fs';
import Database from 'better-sqlite3';
import { sleepSync } from '../clock.js';
import type { TokenQuery } from '../tokens/database-tokens.js';
import { extentOf, factsOf } from './facts.js';
import { fromLatin1 } from './header.js';
import type { DatabaseFacts, PinnedPlace } from './protocol.js';
import { classifyError } from './sqlite-errors.js';
import { WalIndex } from './wal-index.js';
import type { IndexState } from './wal-index.js';

/** How long a single attempt waits for a lock; longer waits are many attempts, so that pins can be let go between. */
const ATTEMPT_MS = 50;
/**
 * Between two tries. SQLite's own busy handler backs off to 100 ms and starves behind a writer that commits without
 * pause and lets readers in for some 50 µs between two commits.
 */
const TRY_PAUSE_MS = 0.05;
/** How often a pin is taken again because somebody committed at that moment and we cannot tell what it shows. */
const MOST_PINS = 5;
/** SQLite's cache for work that reads every page once. */
const SMALL_CACHE = 'cache_size = -2000';

/**
 * One database, opened in place. A read-only connection cannot take the exclusive lock, so that closing it never
 * checkpoints and never deletes a `-wal`; while it is open in WAL mode, nobody else's closing does either.
 */
export class SourceDatabase {
  readonly path: string;
  readonly isWal: boolean;
  readonly #name: string;
  readonly #probe: Database.Database;
  readonly #reader: Database.Database;
  // Prepared once: the shorter the time between two pins, the likelier the proof.
  readonly #version: Database.Statement;
  readonly #begin: Database.Statement;
  readonly #read: Database.Statement;
  #writer: Database.Database | undefined;
  #marked: unknown;
  #index: WalIndex | undefined;
  #pinned: IndexState | undefined;

  /** @throws SqliteError, for `classifyError`. */
  constructor(path: string, link: string) {
    this.path = path;
    this.#name = openableName(path, link);
    this.#probe = open(this.#name);
    this.#reader = open(this.#name);
    try {
      patiently(() => this.#probe.prepare('SELECT count(*) FROM sqlite_schema').get(), ATTEMPT_MS);
      this.isWal =
        patiently(() => this.#probe.pragma('journal_mode', { simple: true }), ATTEMPT_MS) === 'wal';
      this.#version = this.#probe.prepare('PRAGMA data_version').pluck();
      this.#begin = this.#reader.prepare('BEGIN');
      this.#read = this.#reader.prepare('PRAGMA user_version').pluck();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Remembers the state before a pin; returns it. Any other connection's commit changes it. */
  mark(): unknown {
    this.#marked = patiently(() => this.#version.get(), ATTEMPT_MS);
    return this.#marked;
  }

  /** True when somebody committed after {@link mark}. */
  hasMoved(): boolean {
    return this.#version.get() !== this.#marked;
  }

  /**
   * Begins a read transaction and makes it real: BEGIN alone takes no snapshot. Where the log's index says the same
   * before and after, that is what is pinned.
   */
  pin(): void {
    if (this.isWal) this.#index ??= WalIndex.open(this.path);
    for (let count = 1; ; count += 1) {
      const before = this.#index?.read();
      this.#begin.run();
      patiently(() => this.#read.get(), ATTEMPT_MS);
      const after = this.#index?.read();
      this.#pinned = before?.header === after?.header ? after : undefined;
      if (this.#index === undefined || this.#pinned !== undefined || count === MOST_PINS) return;
      this.unpin();
    }
  }

  /** Ends the pin if there is one. */
  unpin(): void {
    if (this.#reader.inTransaction) this.#reader.exec('ROLLBACK');
  }

  /**
   * Takes the write lock and writes nothing. Only while the connections above are open: then the closing of this one
   * is not the last, and neither checkpoints nor deletes.
   */
  lock(waitMs: number): void {
    const writer = new Database(this.#name, { fileMustExist: true, timeout: 0 });
    this.#writer = writer;
    patiently(() => writer.pragma('wal_autocheckpoint = 0'), waitMs);
    patiently(() => writer.exec('BEGIN IMMEDIATE'), waitMs);
  }

  /** Lets go of the write lock if it was taken. */
  unlock(): void {
    this.#writer?.close();
    this.#writer = undefined;
  }

  /**
   * Where the pages of the pinned state lie, for readers who take no locks; null when only SQLite can tell.
   *
   * A reader whose pin needs frames of the log stops writers from beginning it anew, and checkpoints from copying
   * frames beyond its own. Where all frames had been copied, SQLite may have pinned the file alone (read mark 0): then
   * the log can be begun anew at any time, and no checkpoint touches the file. The index was read after the pin and
   * numbers only grow, so fewer copied frames than there are mean a pin of the first kind; and if all are copied the
   * file alone is right whichever it is.
   */
  locate(): PinnedPlace | null {
    if (!this.#reader.inTransaction) return null;
    const { journal, pageSize, pages } = extentOf(this.#reader);
    if (pageSize === 0 || pages === 0) return null;
    if (journal === 'rollback') return { journal, pageSize, pages, log: null };
    if (this.#pinned === undefined || this.#pinned.backfilled > this.#pinned.frames) return null;
    const { salts, frames, checksum, backfilled } = this.#pinned;
    return { journal, pageSize, pages, log: backfilled === frames ? null : { salts, frames, checksum } };
  }

  /** True when nothing that {@link locate} relies on was overwritten since: no new log, no page of a later commit. */
  isUndisturbed(): boolean {
    if (!this.#reader.inTransaction) return false;
    if (this.#pinned === undefined || this.#pinned.backfilled === this.#pinned.frames) return true;
    const now = this.#index?.read();
    return now?.salts === this.#pinned.salts && now.attempted <= this.#pinned.frames;
  }

  /** Checks the pinned state, and counts the tokens in it. */
  examine(tokens: readonly TokenQuery[]): DatabaseFacts {
    this.#reader.pragma(SMALL_CACHE);
    return factsOf(this.#reader, tokens);
  }

  /** Copies the pinned state into `file`, calling `progress` before the first page and after every `step` pages. */
  async copyTo(file: string, step: number, progress: () => void): Promise<void> {
    // Without its transaction SQLite would copy a later moment.
    if (!this.#reader.inTransaction) throw new TypeError('The database is not pinned any more');
    this.#reader.pragma(SMALL_CACHE);
    await this.#reader.backup(file, {
      progress: () => {
        progress();
        return step;
      },
    });
  }

  /** Closes everything, the writer first. */
  close(): void {
    this.unlock();
    this.#reader.close();
    this.#probe.close();
  }
}

function open(name: string): Database.Database {
  return new Database(name, { readonly: true, fileMustExist: true, timeout: 0 });
}

function patiently<T>(action: () => T, waitMs: number): T {
  const end = Date.now() + waitMs;
  while (true) {
    try {
      return action();
    } catch (error) {
      if (classifyError(error) !== 'busy' || Date.now() >= end) throw error;
    }
    sleepSync(TRY_PAUSE_MS);
  }
}

/** better-sqlite3 takes text and trims it; any other path is reached by a link, which SQLite resolves to its bytes. */
function openableName(path: string, link: string): string {
  const bytes = fromLatin1(path);
  const text = bytes.toString('utf8');
  if (Buffer.from(text).equals(bytes) && text.trim() === text) return text;
  symlinkSync(bytes, link);
  return link;
}
