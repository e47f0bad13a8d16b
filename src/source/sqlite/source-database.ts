/** In the capture process: the connections to one database of the source, none of which ever writes. */
import { symlinkSync } from 'node:fs';
import Database from 'better-sqlite3';
import { fromLatin1 } from './header.js';

/** How long a single attempt waits for a lock; longer waits are many attempts, so that pins can be let go between. */
const ATTEMPT_MS = 50;

/**
 * One database, opened in place. A read-only connection cannot take the exclusive lock, so that closing it never
 * checkpoints and never deletes a `-wal`; while it is open in WAL mode, nobody else's closing does either.
 */
export class SourceDatabase {
  readonly path: string;
  readonly isWal: boolean;
  readonly #name: string;
  readonly #probe: Database.Database;
  #reader: Database.Database | undefined;
  #writer: Database.Database | undefined;
  #marked = -1;

  /** @throws SqliteError, for `classifyError`. */
  constructor(path: string, link: string) {
    this.path = path;
    this.#name = openableName(path, link);
    this.#probe = open(this.#name);
    try {
      this.#probe.prepare('SELECT count(*) FROM sqlite_schema').get();
      this.isWal = this.#probe.pragma('journal_mode', { simple: true }) === 'wal';
      this.#reader = open(this.#name);
    } catch (error) {
      this.#probe.close();
      throw error;
    }
  }

  /** The connection that holds the pin. */
  get reader(): Database.Database {
    if (this.#reader === undefined) throw new TypeError('The database is closed');
    return this.#reader;
  }

  /** Remembers the state before a pin; returns it. Any other connection's commit changes it. */
  mark(): number {
    this.#marked = this.#version();
    return this.#marked;
  }

  /** True when somebody committed after {@link mark}. */
  hasMoved(): boolean {
    return this.#version() !== this.#marked;
  }

  /** Begins a read transaction and makes it real: BEGIN alone takes no snapshot. */
  pin(): void {
    this.reader.exec('BEGIN');
    this.reader.pragma('user_version');
  }

  /** Ends the pin if there is one. */
  unpin(): void {
    if (this.reader.inTransaction) this.reader.exec('ROLLBACK');
  }

  /**
   * Takes the write lock and writes nothing. Only while the connections above are open: then the closing of this one
   * is not the last, and neither checkpoints nor deletes.
   */
  lock(waitMs: number): void {
    this.#writer = new Database(this.#name, { fileMustExist: true, timeout: waitMs });
    this.#writer.pragma('wal_autocheckpoint = 0');
    this.#writer.exec('BEGIN IMMEDIATE');
  }

  /** Lets go of the write lock if it was taken. */
  unlock(): void {
    this.#writer?.close();
    this.#writer = undefined;
  }

  /** Closes everything, the writer first. */
  close(): void {
    this.unlock();
    this.#reader?.close();
    this.#reader = undefined;
    this.#probe.close();
  }

  #version(): number {
    return this.#probe.pragma('data_version', { simple: true }) as number;
  }
}

function open(name: string): Database.Database {
  const connection = new Database(name, { readonly: true, fileMustExist: true, timeout: ATTEMPT_MS });
  try {
    connection.pragma('cache_size = -2000');
    return connection;
  } catch (error) {
    connection.close();
    throw error;
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
