/**
 * One run at a time for each source: a lock beside the catalog. It saves work, no more: safety never rests on it
 * (DESIGN §8). SQLite holds it, so that the system lets go of it when the process dies, however it dies.
 */

import { chmodSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { NbakError } from '../errors.js';
import type { Catalog } from './catalog.js';

/** What is locked. */
export interface LockedSource {
  /** Keyed hash of its path, as hex: the cache holds no names. */
  readonly key: string;
  /** For messages. */
  readonly path: string;
}

/**
 * Takes the lock of a source on this machine; a catalog in memory has none.
 *
 * @throws NbakError `REPOSITORY_BUSY` when another run holds it.
 */
export function lockSource(catalog: Catalog, { key, path }: LockedSource): Disposable {
  if (catalog.memory) return { [Symbol.dispose]: () => undefined };
  const file = join(dirname(catalog.name), `source-${key}.lock`);
  const lock = new Database(file, { timeout: 0 });
  try {
    chmodSync(file, 0o600);
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if (!(error instanceof Database.SqliteError) || error.code !== 'SQLITE_BUSY') throw error;
    throw new NbakError('REPOSITORY_BUSY', `Another run is backing up ${path} into this repository`, {
      details: { source: path },
      hint: 'Wait until it is done; a run that died does not hold this up.',
    });
  }
  return { [Symbol.dispose]: () => lock.close() };
}
