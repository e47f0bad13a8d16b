/** The process that seals the tokens of databases anew; nothing but their connections is open in it (DESIGN §6). */

import Database from 'better-sqlite3';
import { fromLatin1 } from '../sqlite/header.js';
import { classifyError } from '../sqlite/sqlite-errors.js';
import { countRotated, countRotating, resealInDatabase } from './reseal-database.js';
import type { RotatingDatabase, RotationAnswer, RotationRequest } from './rotation-protocol.js';

/** A writer between two transactions is waited for; an application that keeps connections open is not. */
const PATIENCE_MS = 500;

interface Opened extends RotatingDatabase {
  readonly database: Database.Database;
}

const opened: Opened[] = [];
/** The database at work, for what is said of an error. */
let current = '';

process.on('message', (request: RotationRequest) => process.send?.(answer(request)));
// Whatever was not committed is rolled back; the parent decides what that means.
process.on('disconnect', () => {
  for (const { database } of opened) database.close();
  process.exit(0);
});
// Ctrl-C reaches the whole process group; what it means is the parent's decision.
process.on('SIGINT', () => undefined);

function answer(request: RotationRequest): RotationAnswer {
  try {
    return handle(request);
  } catch (error) {
    const path = fromLatin1(current).toString();
    if (request.kind === 'lock' && classifyError(error) === 'busy') return { busy: path };
    return { failed: path, message: error instanceof Error ? error.message : String(error) };
  }
}

function handle(request: RotationRequest): RotationAnswer {
  switch (request.kind) {
    case 'lock':
      for (const each of request.databases) lock(each);
      return inEach(({ database, rotations }) => countRotating(database, rotations));
    case 'reseal':
      return inEach(({ database, rotations }) => {
        resealInDatabase(database, rotations);
        return countRotated(database, rotations);
      });
    case 'commit': {
      const { path = '', database } = opened[request.index] ?? {};
      current = path;
      database?.exec('COMMIT');
      return { tallies: [] };
    }
    case 'count':
      return inEach(({ database, rotations }) => countRotated(database, rotations));
  }
}

/** Opens a database so that nobody else can read or write it until this process ends. */
function lock({ path, rotations }: RotatingDatabase): void {
  current = path;
  const bytes = fromLatin1(path);
  const text = bytes.toString('utf8');
  // better-sqlite3 takes text and trims it.
  if (!Buffer.from(text).equals(bytes) || text.trim() !== text) throw new Error('its path is not plain text');
  const database = new Database(text, { fileMustExist: true, timeout: PATIENCE_MS });
  opened.push({ path, rotations, database });
  // In WAL mode this asks for the file itself, on which every open connection holds a lock, idle ones too.
  database.pragma('locking_mode = EXCLUSIVE');
  // A new key must not be put in place before the tokens under it are on the disk.
  database.pragma('synchronous = EXTRA');
  // What the old key opens does not stay in free pages.
  database.pragma('secure_delete = ON');
  database.exec('BEGIN EXCLUSIVE');
}

function inEach(count: (database: Opened) => ReturnType<typeof countRotated>): RotationAnswer {
  return {
    tallies: opened.map((each) => {
      current = each.path;
      // What a tally also names is not needed, and need not travel.
      return count(each).map(({ opened: live, failed }) => ({ opened: live, failed }));
    }),
  };
}
