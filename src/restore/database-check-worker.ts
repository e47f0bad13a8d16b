/** The thread of DatabaseChecker: one question in, one answer out. */

import { parentPort } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { integrityOf } from '../source/sqlite/integrity.js';
import { countInDatabase } from '../source/tokens/database-tokens.js';
import type { DatabaseAnswer, DatabaseQuestion } from './database-question.js';

parentPort?.on('message', (question: DatabaseQuestion) => parentPort?.postMessage(answer(question)));

function answer({ path, integrity, tokens }: DatabaseQuestion): DatabaseAnswer {
  let database: Database.Database;
  try {
    database = new Database(path, { fileMustExist: true });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { verdict: { verdict: 'failed', message }, tokens: [] };
  }
  try {
    return {
      verdict: integrity ? integrityOf(database) : undefined,
      tokens: countInDatabase(database, tokens),
    };
  } finally {
    database.close();
  }
}
