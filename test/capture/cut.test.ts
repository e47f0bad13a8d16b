import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { captureDatabases } from '#nbak/source/sqlite/capture.js';
import { SourceDatabase } from '#nbak/source/sqlite/source-database.js';
import { makePlaces, openCopy, snapshotTree, startWriter, value } from './support/processes.js';
import type { Places } from './support/processes.js';

const ROUNDS = process.env['SLOW'] === '1' ? 200 : 12;

/** Captures `names` once and returns the counter of each copy, in their order, with the kind of cut. */
async function captureCounters(
  places: Places,
  names: readonly string[],
): Promise<{ cut: string; counters: number[] }> {
  const paths = names.map((name) => join(places.source, name));
  await using capture = await captureDatabases(paths, {
    stagingDirectory: places.staging,
    lockWaitMs: 60_000,
  });
  const counters = new Map<unknown, number>();
  for (const database of capture.databases) {
    expect(database.outcome, database.message).toBe('pinned');
    using copy = disposable(openCopy(await database.copy(), places.scratch));
    expect(value(copy.db, 'PRAGMA integrity_check')).toBe('ok');
    counters.set(database.path, value(copy.db, 'SELECT n FROM counter') as number);
  }
  return { cut: capture.cut, counters: paths.map((path) => counters.get(path) ?? -1) };
}

/**
 * Looks at the counters of {@link ROUNDS} cuts. A writer that never pauses can, on a busy machine, keep a lock beyond
 * the 200 ms for which we may hold up an application; then the capture says so, and is repeated. Whatever claims to be
 * a cut is one.
 */
async function inCuts(
  places: Places,
  names: readonly string[],
  look: (counters: readonly number[]) => void,
): Promise<void> {
  let cuts = 0;
  for (let count = 0; cuts < ROUNDS; count += 1) {
    expect(count, 'captures for so many cuts').toBeLessThan(5 * ROUNDS);
    const { cut, counters } = await captureCounters(places, names);
    if (cut === 'none') continue;
    cuts += 1;
    look(counters);
  }
}

function disposable<T extends { close(): unknown }>(db: T): { db: T } & Disposable {
  return { db, [Symbol.dispose]: () => void db.close() };
}

describe('One cut', () => {
  test.each(['wal', 'delete'])(
    'A database in %s mode that is written throughout comes back as one state',
    async (mode) => {
      const places = makePlaces();
      const path = join(places.source, 'app.db');
      await startWriter('transfer', mode, path);
      for (let round = 0; round < 4; round += 1) {
        await using capture = await captureDatabases([path], {
          stagingDirectory: places.staging,
          lockWaitMs: 60_000,
        });
        const [database] = capture.databases;
        expect(database?.outcome, database?.message).toBe('pinned');
        const result = await database?.copy();
        if (result === undefined) throw new Error('no copy');
        expect(result.facts).toMatchObject({ check: 'ok', journal: mode === 'wal' ? 'wal' : 'rollback' });
        using copy = disposable(openCopy(result, places.scratch));
        expect(value(copy.db, 'PRAGMA integrity_check')).toBe('ok');
        expect(value(copy.db, 'SELECT sum(n) FROM items')).toBe(0);
      }
    },
  );

  test.each([
    ['wal', '0'],
    ['wal', '3'],
    ['delete', '0'],
  ])('A transaction over two attached databases (%s, pause %s ms) comes back whole', async (mode, pause) => {
    const places = makePlaces();
    const names = ['a.db', 'b.db'];
    await startWriter('attached', mode, pause, ...names.map((name) => join(places.source, name)));
    const seen = new Set<number>();
    await inCuts(places, names, ([a = -1, b = -1]) => {
      expect(a).toBe(b);
      seen.add(a);
    });
    expect(seen.size).toBeGreaterThan(1);
  });

  test('After a writer that commits to A, then to B, B is A or one less', async () => {
    const places = makePlaces();
    const names = ['a.db', 'b.db'];
    await startWriter('sequence', ...names.map((name) => join(places.source, name)));
    await inCuts(places, names, ([a = -1, b = -1]) => expect([a, a - 1]).toContain(b));
  });

  test('Order of names does not matter: with the writer going from z to a, a is z or one less', async () => {
    const places = makePlaces();
    const names = ['z.db', 'a.db'];
    await startWriter('sequence', ...names.map((name) => join(places.source, name)));
    await inCuts(places, names, ([z = -1, a = -1]) => expect([z, z - 1]).toContain(a));
  });

  test('Taking the write lock leaves log and index alone, even when we are the last to close', async () => {
    const places = makePlaces();
    const path = join(places.source, 'app.db');
    const writer = await startWriter('hold', path);
    const before = snapshotTree(places.source, ['app.db']);
    const database = new SourceDatabase(path, join(places.scratch, 'link'));
    database.lock(100);
    database.mark();
    database.pin();
    database.unlock();
    await writer.kill();
    database.lock(100);
    database.unlock();
    database.unpin();
    database.close();
    expect(snapshotTree(places.source, ['app.db'])).toEqual(before);
  });
});
