import { chmodSync, chownSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { captureDatabases } from '#nbak/source/sqlite/capture.js';
import { NOBODY, copyProgram } from './support/foreign-user.js';
import type { ProgramCopy } from './support/foreign-user.js';
import { makePlaces, openCopy, runWriter, snapshotTree, startWriter, value } from './support/processes.js';
import type { Places } from './support/processes.js';

const COUNT = 'SELECT count(*) FROM items';

/** Makes one database per state in `source`; returns the expected rows of `items` per name. */
function makeStates(source: string): Record<string, number> {
  const at = (name: string): string => join(source, name);
  runWriter('create', 'wal', at('rest.db'));
  runWriter('create', 'delete', at('rollback.db'));
  runWriter('leave-wal', at('leftover.db'));
  runWriter('leave-journal', at('hot.db'));
  expect(existsSync(at('leftover.db-wal')) && existsSync(at('leftover.db-shm'))).toBe(true);
  expect(existsSync(at('hot.db-journal'))).toBe(true);
  return { 'rest.db': 200, 'rollback.db': 200, 'leftover.db': 200, 'hot.db': 3000 };
}

async function captureHere(places: Places, names: readonly string[]): Promise<Record<string, unknown>> {
  const paths = names.map((name) => join(places.source, name));
  await using capture = await captureDatabases(paths, {
    stagingDirectory: places.staging,
    lockWaitMs: 60_000,
  });
  const rows: Record<string, unknown> = {};
  for (const database of capture.databases) {
    expect(database.outcome, database.message).toBe('pinned');
    const db = openCopy(await database.copy(), places.scratch);
    expect(value(db, 'PRAGMA integrity_check')).toBe('ok');
    rows[names[paths.indexOf(String(database.path))] ?? ''] = value(db, COUNT);
    db.close();
  }
  return rows;
}

describe('A capture changes nothing in the source', () => {
  test('Databases at rest, with a leftover log, with a hot journal', async () => {
    const places = makePlaces();
    const expected = makeStates(places.source);
    const before = snapshotTree(places.source);
    expect(await captureHere(places, Object.keys(expected))).toEqual(expected);
    expect(snapshotTree(places.source)).toEqual(before);
    expect(readdirSync(places.staging)).toEqual([]);
  });

  test('A database in use keeps its log, its index and its owners; its application goes on', async () => {
    const places = makePlaces();
    const path = join(places.source, 'live.db');
    await startWriter('hold', path);
    const before = snapshotTree(places.source, ['live.db']);
    expect(await captureHere(places, ['live.db'])).toEqual({ 'live.db': 200 });
    expect(snapshotTree(places.source, ['live.db'])).toEqual(before);
    const other = new Database(path);
    other.exec('UPDATE counter SET n = n + 1');
    expect(value(other, 'SELECT n FROM counter')).toBe(1);
    other.close();
  });

  test('An application that ends while it is captured finds its log again', async () => {
    const places = makePlaces();
    const path = join(places.source, 'live.db');
    const writer = await startWriter('hold', path);
    await using capture = await captureDatabases([path], {
      stagingDirectory: places.staging,
      lockWaitMs: 60_000,
    });
    await writer.kill();
    const before = snapshotTree(places.source, ['live.db']);
    const copy = await capture.databases[0]?.copy();
    if (copy === undefined) throw new Error('no copy');
    const db = openCopy(copy, places.scratch);
    expect(value(db, COUNT)).toBe(200);
    db.close();
    await capture.close();
    expect(snapshotTree(places.source, ['live.db'])).toEqual(before);
  });
});

describe.runIf(process.getuid?.() === 0)('A capture by another user', () => {
  let program: ProgramCopy;
  beforeAll(() => {
    program = copyProgram();
  });
  afterAll(() => program[Symbol.dispose]());

  function captureAsNobody(places: Places, expected: Record<string, number>): void {
    chownSync(places.staging, NOBODY, NOBODY);
    chownSync(places.scratch, NOBODY, NOBODY);
    const names = Object.keys(expected);
    const { results } = program.capture(
      places.staging,
      places.scratch,
      names.map((name) => join(places.source, name)),
    );
    expect(results.map((result) => [result.outcome, result.message])).toEqual(
      names.map(() => ['pinned', undefined]),
    );
    names.forEach((name, index) => {
      const db = new Database(join(places.scratch, `${index}.db`));
      expect(value(db, 'PRAGMA integrity_check')).toBe('ok');
      expect(value(db, COUNT)).toBe(expected[name]);
      db.close();
    });
    expect(readdirSync(places.staging)).toEqual([]);
  }

  test.each([
    ['that it may read only', 0o755],
    ['that it may write', 0o777],
  ])('leaves no file in a directory %s', (_what, mode) => {
    const places = makePlaces();
    const expected = makeStates(places.source);
    chmodSync(places.source, mode);
    const before = snapshotTree(places.source);
    captureAsNobody(places, expected);
    expect(snapshotTree(places.source)).toEqual(before);
  });

  test.each([0o755, 0o777])(
    'captures what root has open, in a directory of mode %o, and root can still write',
    async (mode) => {
      const places = makePlaces();
      chmodSync(places.source, mode);
      const path = join(places.source, 'live.db');
      await startWriter('hold', path);
      const before = snapshotTree(places.source, ['live.db']);
      captureAsNobody(places, { 'live.db': 200 });
      expect(snapshotTree(places.source, ['live.db'])).toEqual(before);
      const other = new Database(path);
      other.exec('UPDATE counter SET n = n + 1');
      other.close();
    },
  );

  test('works in its own directory made read-only', () => {
    const places = makePlaces();
    const expected = makeStates(places.source);
    for (const name of ['', ...readdirSync(places.source)])
      chownSync(join(places.source, name), NOBODY, NOBODY);
    chmodSync(places.source, 0o555);
    const before = snapshotTree(places.source);
    captureAsNobody(places, expected);
    expect(snapshotTree(places.source)).toEqual(before);
  });

  test('says which database it may not read, and captures the rest', () => {
    const places = makePlaces();
    const expected = makeStates(places.source);
    chmodSync(places.source, 0o755);
    chmodSync(join(places.source, 'rest.db'), 0o600);
    chownSync(places.staging, NOBODY, NOBODY);
    chownSync(places.scratch, NOBODY, NOBODY);
    const paths = Object.keys(expected).map((name) => join(places.source, name));
    const { results } = program.capture(places.staging, places.scratch, paths);
    const outcomes = Object.fromEntries(results.map((result) => [result.path, result.outcome]));
    expect(paths.map((path) => outcomes[path])).toEqual(['unreadable', 'pinned', 'pinned', 'pinned']);
  });

  test('root leaves databases of another user with that user', async () => {
    const places = makePlaces();
    makeStates(places.source);
    for (const name of ['', ...readdirSync(places.source)])
      chownSync(join(places.source, name), NOBODY, NOBODY);
    const before = snapshotTree(places.source);
    await captureHere(places, ['rest.db', 'rollback.db', 'leftover.db', 'hot.db']);
    expect(snapshotTree(places.source)).toEqual(before);
  });
});
