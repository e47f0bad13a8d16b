// The two readers of SQLite's sidecar formats against SQLite itself: same input, same pages.
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  fstatSync,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { playBackJournal } from '#nbak/source/sqlite/rollback-journal.js';
import { mergeWal, summarizeWal } from '#nbak/source/sqlite/wal.js';
import { makePlaces, runWriter } from './support/processes.js';

const RUNS = process.env['SLOW'] === '1' ? 500 : 40;

/** Applies ours to one copy of a database and its sidecar, and lets SQLite recover another. */
function compare(scratch: string, path: string, suffix: '-wal' | '-journal', cutAt?: number): Buffer {
  const [ours, theirs] = [join(scratch, 'ours'), join(scratch, 'theirs')];
  for (const target of [ours, theirs]) {
    copyFileSync(path, target);
    copyFileSync(path + suffix, target + suffix);
    if (cutAt !== undefined) truncateSync(target + suffix, cutAt);
  }
  const [database, sidecar] = [openSync(ours, 'r+'), openSync(ours + suffix, 'r')];
  if (suffix === '-wal') mergeWal(sidecar, database);
  else playBackJournal(sidecar, database);
  closeSync(database);
  closeSync(sidecar);
  const db = new Database(theirs);
  db.prepare('SELECT count(*) FROM sqlite_schema').get();
  db.pragma('wal_checkpoint(TRUNCATE)');
  db.close();
  const result = readFileSync(ours);
  expect(result.equals(readFileSync(theirs))).toBe(true);
  return result;
}

describe('Merging a log', () => {
  test('gives the bytes that SQLite gives, wherever the log is cut off', () => {
    const places = makePlaces();
    const path = join(places.source, 'a.db');
    runWriter('leave-wal', path);
    const size = readFileSync(`${path}-wal`).length;
    compare(places.scratch, path, '-wal');
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: size }),
        (cutAt) => void compare(places.scratch, path, '-wal', cutAt),
      ),
      { numRuns: RUNS },
    );
  });

  test('ignores frames of an older round and shrinks the file as VACUUM did', () => {
    const places = makePlaces();
    const path = join(places.source, 'a.db');
    const db = new Database(path);
    db.exec(
      'PRAGMA page_size = 1024; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (x)',
    );
    const insert = db.prepare('INSERT INTO t VALUES (zeroblob(900))');
    for (let i = 0; i < 200; i += 1) insert.run();
    db.pragma('wal_checkpoint(RESTART)');
    db.exec('DELETE FROM t WHERE rowid % 2; VACUUM; INSERT INTO t VALUES (1)');
    copyFileSync(path, join(places.scratch, 'a.db'));
    copyFileSync(`${path}-wal`, join(places.scratch, 'a.db-wal'));
    const descriptor = openSync(`${path}-wal`, 'r');
    const { frames } = summarizeWal(descriptor);
    expect(frames).toBeLessThan(Math.floor((fstatSync(descriptor).size - 32) / 1048));
    closeSync(descriptor);
    db.close();
    compare(places.scratch, join(places.scratch, 'a.db'), '-wal');
  });
});

describe('Playing back a journal', () => {
  test('gives the bytes that SQLite gives, wherever the journal is cut off', () => {
    const places = makePlaces();
    const path = join(places.source, 'a.db');
    runWriter('leave-journal', path);
    const size = readFileSync(`${path}-journal`).length;
    compare(places.scratch, path, '-journal');
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: size }),
        (cutAt) => void compare(places.scratch, path, '-journal', cutAt),
      ),
      { numRuns: RUNS },
    );
  });

  test.each([
    ['rolls back while its super-journal exists', true],
    ['keeps a transaction whose super-journal is gone: it was committed', false],
  ])('%s', (_what, exists) => {
    const places = makePlaces();
    const path = join(places.source, 'a.db');
    const superJournal = join(places.scratch, 'a.db-mj0123456');
    runWriter('leave-journal', path);
    const before = readFileSync(path);
    appendFileSync(`${path}-journal`, superJournalRecord(superJournal));
    if (exists) writeFileSync(superJournal, `${path}-journal\0`);
    const restored = compare(places.scratch, path, '-journal');
    expect(restored.equals(before)).toBe(!exists);
  });

  /** The lock page's number, the name, its length, the sum of its bytes, the magic. */
  function superJournalRecord(name: string): Buffer {
    const bytes = Buffer.from(name);
    const record = Buffer.alloc(4 + bytes.length + 16);
    record.writeUInt32BE(0x4000_0000 / 4096 + 1, 0);
    bytes.copy(record, 4);
    record.writeUInt32BE(bytes.length, 4 + bytes.length);
    record.writeUInt32BE(
      bytes.reduce((sum, byte) => sum + byte, 0),
      8 + bytes.length,
    );
    record.write('d9d505f920a163d7', 12 + bytes.length, 'hex');
    return record;
  }
});
