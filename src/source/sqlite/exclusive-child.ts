/** The process of `lockExclusively`: opens databases, locks them, and waits to be killed. */

import Database from 'better-sqlite3';
import { fromLatin1 } from './header.js';
import { classifyError } from './sqlite-errors.js';

/** A writer between two transactions is waited for; an application that keeps connections open is not. */
const PATIENCE_MS = 500;

/** Held for as long as the process lives. */
const held: Database.Database[] = [];

process.on('message', (paths: readonly string[]) => {
  const busy = paths.find((path) => !lock(path));
  process.send?.(busy === undefined ? {} : { busy: fromLatin1(busy).toString() });
});
// The parent died in the middle: closing in order would checkpoint a log into a database that may have moved.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.on('SIGINT', () => undefined);

/** @returns false when somebody else uses it. */
function lock(path: string): boolean {
  const bytes = fromLatin1(path);
  const text = bytes.toString('utf8');
  // better-sqlite3 takes text and trims it.
  if (!Buffer.from(text).equals(bytes) || text.trim() !== text) return true;
  try {
    const database = new Database(text, { fileMustExist: true, timeout: PATIENCE_MS });
    held.push(database);
    // In WAL mode this asks for the file itself, on which every open connection holds a lock, idle ones too.
    database.pragma('locking_mode = EXCLUSIVE');
    database.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    return classifyError(error) !== 'busy';
  }
}
