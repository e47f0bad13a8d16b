/** The thread of DatabaseChecker: one path in, one verdict out. */

import { parentPort } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { integrityOf, type IntegrityVerdict } from '../source/sqlite/integrity.js';

parentPort?.on('message', (path: string) => parentPort?.postMessage(check(path)));

function check(path: string): IntegrityVerdict {
  let database: Database.Database;
  try {
    database = new Database(path, { fileMustExist: true });
  } catch (error) {
    return { verdict: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
  try {
    return integrityOf(database);
  } finally {
    database.close();
  }
}
