/** SQLite databases as applications leave them, and what tests compare of them. */

import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { load as loadVectors } from 'sqlite-vec';
import { makeDirectory, type BuiltDatabase } from './files.js';

const SIDECARS = ['-wal', '-shm', '-journal'] as const;

/** How a database comes to be. */
export interface DatabaseRecipe {
  readonly journal: 'wal' | 'delete';
  readonly fill: (db: Database.Database) => void;
  /** Commits that stay in the log, which is left behind; returns how many rows they added. */
  readonly later?: (db: Database.Database) => number;
  readonly mode?: number;
}

/**
 * Makes a database, with `vec0` at hand. With commits in the log it looks as after SIGKILL, which is how some of these
 * applications always end: a connection that may only read is closed last, and cannot empty the log.
 */
export function buildDatabase(root: string, path: string, recipe: DatabaseRecipe): BuiltDatabase {
  const file = join(root, path);
  makeDirectory(root, dirname(path));
  const db = new Database(file);
  loadVectors(db);
  db.pragma(`journal_mode = ${recipe.journal}`);
  db.pragma('wal_autocheckpoint = 0');
  db.pragma('synchronous = OFF');
  db.transaction(() => recipe.fill(db))();
  db.pragma('wal_checkpoint(TRUNCATE)');
  const rowsInLog = recipe.later?.(db) ?? 0;
  const last = rowsInLog > 0 ? new Database(file, { readonly: true }) : undefined;
  last?.pragma('schema_version');
  db.close();
  last?.close();
  if (recipe.mode !== undefined) for (const each of filesOf(file)) chmodSync(each, recipe.mode);
  return { path, journal: recipe.journal, rowsInLog };
}

/** What a database holds. */
export interface DatabaseContent {
  /** `ok`, or what `integrity_check` says. */
  readonly integrity: unknown;
  /** Rows of each ordinary table; those that hold a virtual table's data are ordinary. */
  readonly rows: Readonly<Record<string, number>>;
  /** SHA-256 over names, row ids and values of all of them. */
  readonly digest: string;
}

/** What a database with its log or journal holds; looked at in a copy, for SQLite writes beside what it opens. */
export function contentOf(path: string): DatabaseContent {
  return withCopy(path, (db) => {
    const hash = createHash('sha256');
    const rows: Record<string, number> = {};
    for (const { name, wr } of tablesOf(db)) {
      hash.update(`${name}\n`);
      rows[name] = 0;
      const columns = wr === 1 ? '*' : '_rowid_, *';
      for (const row of db.prepare(`SELECT ${columns} FROM "${name}" ORDER BY 1`).raw().iterate()) {
        hash.update(JSON.stringify(row));
        rows[name] += 1;
      }
    }
    const integrity = db.pragma('integrity_check', { simple: true });
    return { integrity, rows, digest: hash.digest('hex') };
  });
}

/** Runs `look` on a copy of a database with its log or journal, with `vec0` at hand. */
export function withCopy<T>(path: string, look: (db: Database.Database) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'nbak-test-copy-'));
  try {
    const copy = join(directory, 'copy');
    for (const file of filesOf(path))
      if (!file.endsWith('-shm')) copyFileSync(file, copy + file.slice(path.length));
    const db = new Database(copy);
    try {
      loadVectors(db);
      return look(db);
    } finally {
      db.close();
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function filesOf(path: string): string[] {
  return ['', ...SIDECARS].map((suffix) => path + suffix).filter((file) => existsSync(file));
}

function tablesOf(db: Database.Database): { readonly name: string; readonly wr: number }[] {
  const list = db.pragma('table_list') as { schema: string; name: string; type: string; wr: number }[];
  return list
    .filter(
      ({ schema, name, type }) =>
        schema === 'main' && type !== 'virtual' && type !== 'view' && name !== 'sqlite_schema',
    )
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
