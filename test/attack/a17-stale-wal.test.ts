/** A17: what a database's log or journal holds after the backup must not get into the restored database. */

import { copyFileSync, existsSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { runWriter, value } from '../capture/support/processes.js';
import { makePlace, type Place } from '../support/cli.js';

/** How a restore gets over the live directory. */
const WAYS = [
  ['--in-place', (place: Place) => ['--in-place', place.source]],
  ['--overwrite always', (place: Place) => ['--target', place.source, '--overwrite', 'always']],
  [
    '--overwrite if-changed --delete',
    (place: Place) => ['--target', place.source, '--overwrite', 'if-changed', '--delete'],
  ],
] as const;

/** A process that commits a new counter and one row more into the log, and is killed: nothing is checkpointed. */
function commitAndDie(path: string): void {
  runWriter('leave-wal', path);
}

function rowsOf(path: string): {
  readonly sound: unknown;
  readonly counter: unknown;
  readonly late: unknown;
} {
  const db = new Database(path);
  try {
    return {
      sound: db.pragma('integrity_check', { simple: true }),
      counter: value(db, 'SELECT n FROM counter'),
      late: value(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'late'"),
    };
  } finally {
    db.close();
  }
}

describe('A17: rows committed after the backup, in the -wal of a killed application', () => {
  it('come back when only the database file is put in its place: the attack is real', async () => {
    const place = await makePlace();
    const database = join(place.source, 'state.db');
    runWriter('create', 'wal', database);
    const earlier = place.path('earlier.db');
    copyFileSync(database, earlier);
    commitAndDie(database);
    renameSync(earlier, database);
    const { counter, late, sound } = rowsOf(database);
    expect(counter === 42 || late === 1 || sound !== 'ok').toBe(true);
  });

  it.each(WAYS)(
    'are gone after restore %s, nothing is malformed, and no log lies beside it',
    async (way, flags) => {
      const place = await makePlace();
      const database = join(place.source, 'state.db');
      runWriter('create', 'wal', database);
      const { id } = await place.backup();
      commitAndDie(database);
      expect(existsSync(`${database}-wal`)).toBe(true);
      expect(existsSync(`${database}-shm`)).toBe(true);
      await place.nbak(0, 'restore', id, ...flags(place));
      expect(readdirSync(place.source)).toEqual(['state.db']);
      expect(rowsOf(database)).toEqual({ sound: 'ok', counter: 0, late: 0 });
      if (way !== '--in-place') return;
      // They are not lost either.
      const moved = readdirSync(place.directory).find((name) => name.includes('.pre-restore-')) ?? '';
      expect(rowsOf(join(place.directory, moved, 'state.db'))).toEqual({ sound: 'ok', counter: 42, late: 1 });
    },
  );
});

describe('A17: the hot journal of an application that was killed in the middle of a transaction', () => {
  it.each(WAYS)('is not played back into the database after restore %s', async (_, flags) => {
    const place = await makePlace();
    const database = join(place.source, 'state.db');
    runWriter('create', 'delete', database);
    const { id } = await place.backup();
    const before = readFileSync(database);
    runWriter('leave-journal', database);
    expect(existsSync(`${database}-journal`)).toBe(true);
    expect(readFileSync(database).equals(before)).toBe(false);
    await place.nbak(0, 'restore', id, ...flags(place));
    expect(readdirSync(place.source)).toEqual(['state.db']);
    const db = new Database(database);
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    expect(value(db, 'SELECT n FROM counter')).toBe(0);
    expect(value(db, 'SELECT count(*) FROM items')).toBe(200);
    db.close();
  });
});
