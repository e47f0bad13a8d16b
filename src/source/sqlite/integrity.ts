/** integrity_check on a database of a backup without leaving plaintext behind: the file has no name once it has content. */

import { writeSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { createPrivateDirectory, removePrivateDirectory } from './private-directory.js';
import { createPrivateFile, removeDecoy, replaceByDecoy } from './private-file.js';
import { isMissingFeature } from './sqlite-errors.js';

/** A run of a file's bytes at its place. */
export interface PlacedBytes {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** What `integrity_check` says. */
export interface IntegrityVerdict {
  readonly verdict: 'ok' | 'not-checkable' | 'failed';
  readonly message: string;
}

/**
 * Checks a database from its data.
 *
 * @param staging - an existing directory with room for the database.
 * @throws NbakError what reading the data throws; `TARGET_FAILED` when the directory cannot be written.
 */
export function checkDatabaseData(
  data: AsyncIterable<PlacedBytes>,
  staging: string,
): Promise<IntegrityVerdict> {
  return inspectDatabaseData(data, staging, integrityOf);
}

/**
 * Opens a database from its data, and looks at it; nothing of it stays on the disk.
 *
 * @throws NbakError as {@link checkDatabaseData}.
 */
export async function inspectDatabaseData<T>(
  data: AsyncIterable<PlacedBytes>,
  staging: string,
  inspect: (database: Database.Database) => T,
): Promise<T> {
  const directory = createPrivateDirectory(staging);
  try {
    const file = createPrivateFile(directory, 'database');
    // SQLite opens the file while it is empty and reads it when asked; by then it has content and no name.
    const database = new Database(file.path, { fileMustExist: true, timeout: 0 });
    try {
      database.pragma('locking_mode = EXCLUSIVE');
      replaceByDecoy(file.path);
      for await (const { offset, bytes } of data) writeFully(file.descriptor, bytes, offset);
      return inspect(database);
    } finally {
      database.close();
      closeSync(file.descriptor);
      removeDecoy(join(directory, 'database'));
    }
  } finally {
    removePrivateDirectory(directory);
  }
}

/** The result of `integrity_check` on an open database. */
export function integrityOf(database: Database.Database): IntegrityVerdict {
  let message: string;
  try {
    // SQLite lists what it finds, up to 100 lines; one is enough to say that it failed.
    const rows = database.pragma('integrity_check(1)') as readonly { readonly integrity_check: string }[];
    message = rows[0]?.integrity_check ?? 'no answer';
  } catch (error) {
    message = error instanceof Error ? error.message : String(error);
  }
  if (message === 'ok') return { verdict: 'ok', message };
  // An application's own collation or module is missing here; that says nothing about the file.
  return { verdict: isMissingFeature(message) ? 'not-checkable' : 'failed', message };
}

function writeFully(descriptor: number, bytes: Uint8Array, position: number): void {
  for (let written = 0; written < bytes.length;) {
    written += writeSync(descriptor, bytes, written, bytes.length - written, position + written);
  }
}
