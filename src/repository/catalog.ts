/**
 * The catalog: a local, rebuildable SQLite cache of one repository. It holds what footers say, what the last backup of
 * each root saw, the heads that a verifier saw, and what lists need of manifests. It never holds content of a file, nor
 * its name: paths and what was seen of them are there as keyed hashes; hashes of content and paths of databases are
 * sealed (§3.12).
 */

import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { sleepSync } from '../source/clock.js';
import { makeDirectories } from '../source/make-directories.js';
import { sqliteCode } from '../source/sqlite/sqlite-errors.js';
import type { RepositoryId } from '../format/ids.js';

/** How long another process may hold the file up, and how often one looks again. */
const BUSY_MS = 30_000;
const BUSY_STEP_MS = 5;

const SCHEMA_VERSION = 5;
const SCHEMA = `
  CREATE TABLE packs (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, size INTEGER NOT NULL,
    epoch INTEGER NOT NULL, dedup INTEGER NOT NULL, partial INTEGER NOT NULL) STRICT;
  CREATE TABLE blobs (pack INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL, kind INTEGER NOT NULL,
    id BLOB NOT NULL, tag BLOB NOT NULL, stand_in BLOB) STRICT;
  CREATE INDEX blobs_id ON blobs (id);
  CREATE INDEX blobs_tag ON blobs (tag);
  CREATE INDEX blobs_pack ON blobs (pack);
  CREATE TABLE indexes (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  CREATE TABLE pages (root BLOB NOT NULL, position INTEGER NOT NULL, page BLOB NOT NULL, PRIMARY KEY (root, position)) STRICT;
  CREATE TABLE databases (key BLOB PRIMARY KEY, fingerprint TEXT NOT NULL, first TEXT NOT NULL,
    tokens TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE heads (pin TEXT NOT NULL, id TEXT NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (pin, id)) STRICT, WITHOUT ROWID;
  CREATE TABLE manifests (ring TEXT NOT NULL, id TEXT NOT NULL, size INTEGER NOT NULL, modified REAL NOT NULL,
    summary TEXT NOT NULL, PRIMARY KEY (ring, id)) STRICT, WITHOUT ROWID;
`;

/** What came later: a catalog that has the rest keeps it, since the heads that a verifier saw cannot be had again. */
const LATER = `
  CREATE TABLE IF NOT EXISTS marks (place BLOB PRIMARY KEY, day INTEGER NOT NULL, sealed BLOB NOT NULL) STRICT;
`;

/** The open cache database. */
export type Catalog = Database.Database;

/**
 * Opens the catalog of a repository, creating it where it is absent, of another version or unreadable.
 *
 * @param cacheDirectory - where caches live; undefined keeps the catalog in memory.
 */
export function openCatalog(cacheDirectory: string | undefined, repository: RepositoryId): Catalog {
  if (cacheDirectory === undefined) return prepare(new Database(':memory:'));
  const directory = join(cacheDirectory, repository);
  makeDirectories(directory, 0o700);
  const file = join(directory, `catalog-${SCHEMA_VERSION}.db`);
  try {
    return openFile(file);
  } catch (error) {
    if (!isDamaged(error)) throw error;
    // Everything in it can be had again, but for the heads that a verifier saw.
    for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
    return openFile(file);
  }
}

function openFile(file: string): Catalog {
  const catalog = new Database(file, { timeout: BUSY_MS });
  try {
    chmodSync(file, 0o600);
    return prepare(catalog);
  } catch (error) {
    catalog.close();
    throw error;
  }
}

function isDamaged(error: unknown): boolean {
  return (
    error instanceof Database.SqliteError &&
    (error.code === 'SQLITE_NOTADB' || error.code.startsWith('SQLITE_CORRUPT'))
  );
}

function prepare(catalog: Catalog): Catalog {
  enterWal(catalog);
  // A cache may lose its last transactions in a power cut, as long as it stays consistent.
  catalog.pragma('synchronous = NORMAL');
  // What a run looks up lies together; better-sqlite3's default of 16 MB would count against the limit of the whole.
  catalog.pragma('cache_size = -4000');
  const create = catalog.transaction(() => {
    if (catalog.pragma('user_version', { simple: true }) !== SCHEMA_VERSION) {
      catalog.exec(SCHEMA);
      catalog.pragma(`user_version = ${SCHEMA_VERSION}`);
    }
    catalog.exec(LATER);
  });
  create.immediate();
  return catalog;
}

/** Of several processes that open a new file at once all but one are refused, without SQLite's own waiting. */
function enterWal(catalog: Catalog): void {
  const until = Date.now() + BUSY_MS;
  while (true) {
    try {
      catalog.pragma('journal_mode = WAL');
      return;
    } catch (error) {
      if (sqliteCode(error) !== 'SQLITE_BUSY' || Date.now() >= until) throw error;
      sleepSync(BUSY_STEP_MS);
    }
  }
}
