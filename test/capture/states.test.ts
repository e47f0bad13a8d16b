import {
  closeSync,
  copyFileSync,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { captureDatabases } from '#nbak/source/sqlite/capture.js';
import type { DatabaseCopy, FilePath } from '#nbak/source/sqlite/capture.js';
import { settledStillness, stillness } from '#nbak/source/sqlite/stillness.js';
import { databaseFingerprint } from '#nbak/source/sqlite/fingerprint.js';
import { sniffDatabase } from '#nbak/source/sqlite/header.js';
import {
  makePlaces,
  openCopy,
  runWriter,
  snapshotTree,
  startWriter,
  takeBytes,
  value,
} from './support/processes.js';
import type { Places } from './support/processes.js';

/** Captures one database and returns its copy; fails when it was not pinned. */
async function copyOf(places: Places, path: FilePath): Promise<DatabaseCopy> {
  await using capture = await captureDatabases([path], {
    stagingDirectory: places.staging,
    lockWaitMs: 60_000,
  });
  const [database] = capture.databases;
  expect(database?.outcome, database?.message).toBe('pinned');
  const copy = await database?.copy();
  if (copy === undefined) throw new Error('no copy');
  return copy;
}

describe('Databases in every state', () => {
  test('commits that are only in a leftover log are in the copy', async () => {
    const places = makePlaces();
    const path = join(places.source, 'a.db');
    runWriter('leave-wal', path);
    const db = openCopy(await copyOf(places, path), places.scratch);
    expect(value(db, 'SELECT n FROM counter')).toBe(42);
    expect(value(db, 'SELECT x FROM late')).toBe('y');
    db.close();
  });

  test('a half-done transaction with a hot journal is rolled back in the copy', async () => {
    const places = makePlaces();
    const path = join(places.source, 'a.db');
    runWriter('leave-journal', path);
    expect(readFileSync(path, 'latin1')).toContain('HALF-DONE');
    const db = openCopy(await copyOf(places, path), places.scratch);
    expect(value(db, 'PRAGMA integrity_check')).toBe('ok');
    expect(value(db, 'SELECT count(*) FROM items')).toBe(3000);
    expect(value(db, 'SELECT count(*) FROM items WHERE n <> 0')).toBe(0);
    db.close();
  });

  test('a database locked exclusively is waited for, then reported, and the rest is captured', async () => {
    const places = makePlaces();
    const [locked, free] = [join(places.source, 'locked.db'), join(places.source, 'free.db')];
    runWriter('create', 'wal', free);
    await startWriter('lock', 'exclusive', locked);
    const start = Date.now();
    await using capture = await captureDatabases([locked, free], {
      stagingDirectory: places.staging,
      lockWaitMs: 700,
    });
    expect(Date.now() - start).toBeGreaterThanOrEqual(700);
    const outcomes = Object.fromEntries(
      capture.databases.map(({ path, outcome }) => [String(path), outcome]),
    );
    expect(outcomes).toEqual({ [locked]: 'locked', [free]: 'pinned' });
  });

  test('a lock that goes away in time is only waited for', async () => {
    const places = makePlaces();
    const path = join(places.source, 'a.db');
    const writer = await startWriter('lock', 'exclusive', path);
    setTimeout(() => void writer.kill(), 300);
    const db = openCopy(await copyOf(places, path), places.scratch);
    expect(value(db, 'SELECT count(*) FROM items')).toBe(200);
    db.close();
  });

  test('a WAL database in exclusive locking mode that never rests is reported as locked and not touched', async () => {
    const places = makePlaces();
    const path = join(places.source, 'a.db');
    const writer = await startWriter('lock', 'wal-exclusive', path);
    let outcome: string | undefined;
    let last = 0;
    for (let attempt = 0; attempt < 20 && outcome !== 'locked'; attempt += 1) {
      await using capture = await captureDatabases([path], {
        stagingDirectory: places.staging,
        lockWaitMs: 200,
      });
      const [database] = capture.databases;
      outcome = database?.outcome;
      if (outcome === 'locked') break;
      // A busy machine can make any writer rest for longer than the copy takes. Then the copy is one of its states.
      expect(outcome, database?.message).toBe('pinned');
      const copy = await database?.copy();
      if (copy === undefined) throw new Error('no copy');
      expect(copy.facts.check).toBe('ok');
      const db = openCopy(copy, places.scratch);
      expect(value(db, 'SELECT count(*) FROM items')).toBe(200);
      const state = value(db, 'SELECT n FROM counter') as number;
      expect(state).toBeGreaterThanOrEqual(last);
      last = state;
      db.close();
    }
    expect(outcome).toBe('locked');
    await writer.kill();
    expect(snapshotTree(places.source).some((line) => line.startsWith('a.db-shm'))).toBe(false);
  });

  test.each(['notes.sqlite3', 'Cookies', 'état  d’esprit .bin', 'trailing space '])(
    'a database named %j',
    async (name) => {
      const places = makePlaces();
      const path = join(places.source, name);
      runWriter('create', 'wal', join(places.scratch, 'x.db'));
      copyFileSync(join(places.scratch, 'x.db'), path);
      expect(sniffDatabase(path)).toMatchObject({ journal: 'wal', pageSize: 4096 });
      const db = openCopy(await copyOf(places, path), places.scratch);
      expect(value(db, 'SELECT count(*) FROM items')).toBe(200);
      db.close();
    },
  );

  test('a database whose name is not UTF-8, in rollback mode so that it is opened in place', async () => {
    const places = makePlaces();
    runWriter('create', 'delete', join(places.scratch, 'x.db'));
    const path = Buffer.concat([Buffer.from(`${places.source}/`), Buffer.from([0xff, 0xfe, 0x20])]);
    copyFileSync(join(places.scratch, 'x.db'), path);
    const db = openCopy(await copyOf(places, path), places.scratch);
    expect(value(db, 'SELECT count(*) FROM items')).toBe(200);
    db.close();
  });

  test('a file that is named like a database and is none is not recognised', () => {
    const places = makePlaces();
    const path = join(places.source, 'fake.db');
    writeFileSync(path, 'x'.repeat(5000));
    expect(sniffDatabase(path)).toBeUndefined();
    writeFileSync(path, 'SQLite format 3\0');
    expect(sniffDatabase(path)).toBeUndefined();
  });

  test('facts of the copy are those of the database', async () => {
    const places = makePlaces();
    const path = join(places.source, 'a.db');
    const db = new Database(path);
    db.exec(
      'PRAGMA page_size = 8192; CREATE TABLE t (x); PRAGMA user_version = 77; PRAGMA application_id = 4711',
    );
    db.close();
    const copy = await copyOf(places, path);
    expect(copy.facts).toEqual({
      pageSize: 8192,
      pages: 2,
      userVersion: 77,
      applicationId: 4711,
      journal: 'rollback',
      check: 'ok',
    });
    expect(takeBytes(copy)).toHaveLength(2 * 8192);
  });
});

describe('Damage and missing features', () => {
  test('a file with only a header is damaged', async () => {
    const places = makePlaces();
    const path = join(places.source, 'a.db');
    writeFileSync(path, Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(9000, 7)]));
    await using capture = await captureDatabases([path], {
      stagingDirectory: places.staging,
      lockWaitMs: 500,
    });
    expect(capture.databases[0]).toMatchObject({ outcome: 'damaged' });
  });

  test.each(['delete', 'wal'])('an overwritten page (%s) makes the check say damaged', async (mode) => {
    const places = makePlaces();
    const path = join(places.source, 'a.db');
    runWriter('create', mode, path);
    const descriptor = openSync(path, 'r+');
    writeSync(descriptor, Buffer.alloc(4096, 0xa5), 0, 4096, 3 * 4096);
    closeSync(descriptor);
    const copy = await copyOf(places, path);
    expect(copy.facts.check).toBe('damaged');
    expect(takeBytes(copy).subarray(3 * 4096, 4 * 4096)).toEqual(Buffer.alloc(4096, 0xa5));
  });

  test('a truncated database is damaged', async () => {
    const places = makePlaces();
    const path = join(places.source, 'a.db');
    runWriter('create', 'delete', path);
    truncateSync(path, 5 * 4096 + 17);
    await using capture = await captureDatabases([path], {
      stagingDirectory: places.staging,
      lockWaitMs: 500,
    });
    const [database] = capture.databases;
    const check = database?.outcome === 'pinned' ? (await database.copy()).facts.check : database?.outcome;
    expect(check).toBe('damaged');
  });

  test('a missing collation is not damage', async () => {
    const places = makePlaces();
    const path = join(places.source, 'a.db');
    editSchema(path, "CREATE TABLE c (a TEXT); CREATE INDEX ci ON c (a); INSERT INTO c VALUES ('x'), ('y')", [
      "UPDATE sqlite_schema SET sql = 'CREATE INDEX ci ON c (a COLLATE of_the_application)' WHERE name = 'ci'",
    ]);
    const copy = await copyOf(places, path);
    expect(copy.facts.check).toBe('not-checkable');
    const db = openCopy(copy, places.scratch);
    expect(value(db, 'SELECT count(*) FROM c NOT INDEXED')).toBe(2);
    db.close();
  });

  test('a missing module is not damage', async () => {
    const places = makePlaces();
    const path = join(places.source, 'a.db');
    editSchema(path, 'CREATE TABLE c (a); INSERT INTO c VALUES (1)', [
      "INSERT INTO sqlite_schema VALUES ('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING vec0(a float[3])')",
    ]);
    const copy = await copyOf(places, path);
    expect(['ok', 'not-checkable']).toContain(copy.facts.check);
    const db = openCopy(copy, places.scratch);
    expect(value(db, 'SELECT a FROM c')).toBe(1);
    expect(value(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'v'")).toBe(1);
    db.close();
  });

  function editSchema(path: string, sql: string, edits: readonly string[]): void {
    const db = new Database(path);
    db.exec(sql);
    db.unsafeMode();
    db.pragma('writable_schema = 1');
    edits.forEach((edit) => db.exec(edit));
    db.close();
  }
});

describe('Stillness', () => {
  test('shows a write of the same length that follows at once, to the database or to a sidecar', () => {
    const places = makePlaces();
    const path = join(places.source, 'a.db');
    for (let i = 0; i < 20; i += 1) {
      for (const file of [path, `${path}-wal`, `${path}-journal`]) {
        writeFileSync(file, 'one');
        const before = settledStillness(path);
        expect(stillness(path)).toBe(before);
        writeFileSync(file, 'two');
        expect(stillness(path)).not.toBe(before);
      }
    }
  });
});

describe('The fingerprint', () => {
  test('stays while nothing happens, also over a capture, and changes with every commit that only touches the log', async () => {
    const places = makePlaces();
    const path = join(places.source, 'a.db');
    const db = new Database(path);
    db.pragma('journal_mode = WAL');
    db.exec('CREATE TABLE t (x)');
    const main = readFileSync(path);
    const seen = new Set([databaseFingerprint(path)]);
    for (let i = 0; i < 50; i += 1) {
      db.exec('INSERT INTO t VALUES (1)');
      seen.add(databaseFingerprint(path));
    }
    expect(seen.size).toBe(51);
    expect(readFileSync(path)).toEqual(main);
    const quiet = databaseFingerprint(path);
    db.prepare('SELECT * FROM t').all();
    takeBytes(await copyOf(places, path));
    expect(databaseFingerprint(path)).toBe(quiet);
    db.close();
  });

  test('changes with commits in rollback mode and with a journal beside the file', () => {
    const places = makePlaces();
    const path = join(places.source, 'a.db');
    const db = new Database(path);
    db.exec('CREATE TABLE t (x)');
    const first = databaseFingerprint(path);
    db.exec('INSERT INTO t VALUES (1)');
    const second = databaseFingerprint(path);
    db.close();
    writeFileSync(`${path}-journal`, 'x');
    expect(new Set([first, second, databaseFingerprint(path)]).size).toBe(3);
  });
});
