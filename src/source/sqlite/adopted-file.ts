/** In the capture process: a connection to a private file, opened before the file had content or lost its name. */
import Database from 'better-sqlite3';
import type { TokenQuery } from '../tokens/database-tokens.js';
import { factsOf } from './facts.js';
import { removeDecoy } from './private-file.js';
import type { DatabaseFacts } from './protocol.js';

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

  /** Facts, the result of `quick_check`, and the tokens that are asked for. */
  check(tokens: readonly TokenQuery[]): DatabaseFacts {
    return factsOf(this.#connection, tokens);
  }

  close(): void {
    this.#connection.close();
    removeDecoy(this.path);
  }
}
