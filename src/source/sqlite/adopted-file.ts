/** In the capture process: a connection to a private file, opened before the file had content or lost its name. */
import Database from 'better-sqlite3';
import { removeDecoy } from './private-file.js';
import type { DatabaseFacts } from './protocol.js';
import { isMissingFeature } from './sqlite-errors.js';

const MAX_PROBLEMS = 10;

/** The connection through which a copy is looked at and checked. */
export class AdoptedFile {
  readonly path: string;
  readonly #connection: Database.Database;

  /** Opens the empty file at `path`; SQLite reads it only when asked something. */
  constructor(path: string) {
    this.path = path;
    this.#connection = new Database(path, { fileMustExist: true, timeout: 0 });
    this.#connection.pragma('cache_size = -2000');
    // A copy in WAL mode then needs no -shm, and its -wal stays empty.
    this.#connection.pragma('locking_mode = EXCLUSIVE');
  }

  /** Reads the schema. @throws SqliteError. */
  inspect(): void {
    this.#connection.prepare('SELECT count(*) FROM sqlite_schema').get();
  }

  /** Facts and the result of `quick_check`. */
  check(): DatabaseFacts {
    // Counting reads the header; before that SQLite only guesses the page size of a file that was empty.
    const pages = this.#number('page_count');
    return {
      pageSize: this.#number('page_size'),
      pages,
      userVersion: this.#number('user_version'),
      applicationId: this.#number('application_id'),
      journal: this.#pragma('journal_mode') === 'wal' ? 'wal' : 'rollback',
      check: this.#quickCheck(),
    };
  }

  close(): void {
    this.#connection.close();
    removeDecoy(this.path);
  }

  #quickCheck(): DatabaseFacts['check'] {
    let problems: string[];
    try {
      const rows = this.#connection.pragma(`quick_check(${MAX_PROBLEMS})`) as { quick_check: string }[];
      problems = rows.map((row) => row.quick_check).filter((text) => text !== 'ok');
    } catch (error) {
      problems = [error instanceof Error ? error.message : String(error)];
    }
    if (problems.length === 0) return 'ok';
    return problems.every(isMissingFeature) ? 'not-checkable' : 'damaged';
  }

  #number(name: string): number {
    const value = this.#pragma(name);
    return typeof value === 'number' ? value : 0;
  }

  #pragma(name: string): unknown {
    try {
      return this.#connection.pragma(name, { simple: true });
    } catch {
      // Too damaged to say; the check says so.
      return undefined;
    }
  }
}
