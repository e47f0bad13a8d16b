/** The thread of DatabaseChecker: one path in, one verdict out. */

import { parentPort } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { isMissingFeature } from '../source/sqlite/sqlite-errors.js';
import type { DatabaseCheck } from './database-check.js';

parentPort?.on('message', (path: string) => parentPort?.postMessage(check(path)));

function check(path: string): DatabaseCheck {
  let database: Database.Database | undefined;
  try {
    database = new Database(path, { fileMustExist: true });
    // SQLite lists what it finds, up to 100 lines; one is enough to say that it failed.
    const rows = database.pragma('integrity_check(1)') as readonly { readonly integrity_check: string }[];
    const message = rows[0]?.integrity_check ?? 'no answer';
    return { verdict: message === 'ok' ? 'ok' : verdictOf(message), message };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { verdict: verdictOf(message), message };
  } finally {
    database?.close();
  }
}

/** An application's own collation or module is missing here; that says nothing about the file. */
function verdictOf(message: string): DatabaseCheck['verdict'] {
  return isMissingFeature(message) ? 'not-checkable' : 'failed';
}
