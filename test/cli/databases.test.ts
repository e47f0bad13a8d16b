/** Databases through the whole program: live, at rest in WAL, locked and damaged. */

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runWriter, startWriter, value } from '../capture/support/processes.js';
import {
  makePlace,
  writeTree,
  type BackupJson,
  type ErrorJson,
  type Json,
  type VerifyJson,
} from '../support/cli.js';
import { packsOf, flipBit } from '../support/damage.js';
import { describeTree } from '../support/tree.js';

/** Looks into a restored database. */
function look<T>(target: string, name: string, use: (db: Database.Database) => T): T {
  const db = new Database(join(target, name));
  try {
    return use(db);
  } finally {
    db.close();
  }
}

describe('a database that another process writes throughout', () => {
  it('comes back whole, as one state, passing integrity_check, time and again', async () => {
    const place = await makePlace();
    const live = join(place.source, 'live.db');
    const writer = await startWriter('transfer', 'wal', live);
    for (let round = 0; round < 3; round += 1) {
      const { cut } = await place.backup();
      expect(cut).toMatch(/^(proven|locked)$/);
      const { target, result } = await place.restore(0);
      expect(result.databases).toMatchObject([{ path: 'live.db', verdict: 'ok' }]);
      look(target, 'live.db', (db) => {
        expect(value(db, 'PRAGMA integrity_check')).toBe('ok');
        expect(value(db, 'SELECT sum(n) FROM items')).toBe(0);
        expect(value(db, 'SELECT count(*) FROM items WHERE n <> 0')).toBeGreaterThan(0);
      });
    }
    await writer.kill();
    await place.verify(0);
    const checked = await place.json<{ decrypted: Json }>(0, 'verify', '--decrypt');
    expect(checked.decrypted).toMatchObject({ notCheckable: [] });
    expect(checked.decrypted['databases']).toBeGreaterThanOrEqual(1);
  });

  it('is backed up again when only its WAL has changed, and read for nothing when nothing has', async () => {
    const place = await makePlace();
    // No suffix: databases are known by their header.
    const path = join(place.source, 'memory.store');
    const db = new Database(path);
    db.pragma('journal_mode = WAL');
    db.pragma('wal_autocheckpoint = 0');
    db.exec('CREATE TABLE t (n INTEGER)');
    db.pragma('wal_checkpoint(TRUNCATE)');
    db.exec('INSERT INTO t VALUES (1)');
    const size = statSync(path).size;
    await place.backup();
    db.exec('INSERT INTO t VALUES (2)');
    expect(statSync(path).size).toBe(size);
    const second = await place.backup();
    const third = await place.backup();
    db.close();
    expect(second.bytesRead).toBeGreaterThan(0);
    expect(third).toMatchObject({ bytesRead: 0, filesUnchanged: 1 });
    for (const id of [second.id, third.id]) {
      const target = place.path(`out-${id.slice(0, 8)}`);
      await place.nbak(0, 'restore', id, '--target', target);
      expect(look(target, 'memory.store', (restored) => value(restored, 'SELECT sum(n) FROM t'))).toBe(3);
    }
  });

  it('is not made out of date by a WAL that a crashed application left, and no sidecar comes back', async () => {
    const place = await makePlace();
    runWriter('leave-wal', join(place.source, 'crashed.db'));
    const before = describeTree(place.source);
    const { filesTotal } = await place.backup();
    expect(filesTotal).toBe(1);
    expect(describeTree(place.source)).toEqual(before);
    const { target } = await place.restore(0);
    expect(describeTree(target).map((line) => line.split(' ')[0])).toEqual(['""', '"crashed.db"']);
    expect(look(target, 'crashed.db', (db) => value(db, 'SELECT n FROM counter'))).toBe(42);
  });
});

describe('a damaged database', () => {
  it('is stored as its files lie there, with its sidecars; the backup exits 3 and the restore says so', async () => {
    const place = await makePlace();
    const path = join(place.source, 'broken.db');
    runWriter('create', 'delete', path);
    truncateSync(path, statSync(path).size - 4096 - 17);
    writeFileSync(`${path}-wal`, 'what the application left');
    writeTree(place.source, { 'fine.txt': 'fine' });
    const backup = await place.json<BackupJson>(3, 'backup', place.source);
    expect(backup.damaged).toMatchObject([{ path: 'source/broken.db', code: 'DATABASE_DAMAGED' }]);
    expect(backup.filesTotal).toBe(3);
    await place.verify(0);
    const { target, result } = await place.restore(0);
    expect(result.databases).toMatchObject([{ path: 'broken.db', verdict: 'damaged-at-capture' }]);
    expect(readFileSync(join(target, 'broken.db')).equals(readFileSync(path))).toBe(true);
    expect(readFileSync(join(target, 'broken.db-wal'), 'utf8')).toBe('what the application left');
    const text = await place.nbak(0, 'restore', 'latest', '--target', place.path('again'));
    expect(text.stdout).toContain('broken.db: damaged-at-capture');
    await place.nbak(0, 'verify', '--decrypt');
  });
});

describe('a locked database', () => {
  it('is waited for as long as --lock-wait says, then listed; the rest is backed up and the exit code is 3', async () => {
    const place = await makePlace();
    writeTree(place.source, { 'fine.txt': 'fine' });
    const writer = await startWriter('lock', 'exclusive', join(place.source, 'locked.db'));
    const startedAt = Date.now();
    const backup = await place.json<BackupJson>(3, 'backup', place.source, '--lock-wait', '700ms');
    expect(Date.now() - startedAt).toBeGreaterThan(700);
    expect(backup.unreadable).toMatchObject([{ path: 'source/locked.db', code: 'DATABASE_LOCKED' }]);
    await place.verify(0);
    const { target } = await place.restore(0);
    expect(readFileSync(join(target, 'fine.txt'), 'utf8')).toBe('fine');
    await writer.kill();
    const after = await place.backup();
    expect(after.unreadable).toEqual([]);
  });
});

describe('a temporary directory that is too small for a copy', () => {
  it('ends the backup before it writes there, with the numbers', async (test) => {
    const place = await makePlace();
    const db = new Database(join(place.source, 'large.db'));
    db.exec('CREATE TABLE t (b BLOB); INSERT INTO t VALUES (zeroblob(4000000))');
    db.close();
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', place.temporary], { stdio: 'pipe' });
    } catch {
      test.skip(true, 'no file system can be mounted here');
    }
    onTestFinished(() => void execFileSync('umount', [place.temporary]));
    const { error } = await place.json<ErrorJson>(1, 'backup', place.source);
    expect(error.code).toBe('SPACE_INSUFFICIENT');
    expect(error.message).toMatch(/\d{7,}.*\d+/);
    expect(readdirSync(place.temporary)).toEqual([]);
    await place.verify(0);
  });
});

describe('verify --decrypt and restore --check', () => {
  it('name the database whose blob is damaged, and go on with the other files', async () => {
    const place = await makePlace();
    const db = new Database(join(place.source, 'some.db'));
    db.exec('CREATE TABLE t (b BLOB); INSERT INTO t VALUES (randomblob(100000))');
    db.close();
    await place.backup();
    const [pack = ''] = packsOf(place.repository);
    writeTree(place.source, { 'z-last': 'last' });
    await place.backup();
    flipBit(join(place.repository, pack), 30_000);
    const result = await place.json<VerifyJson & { decrypted: Json }>(20, 'verify', '--decrypt');
    expect(result.problems).toHaveLength(1);
    expect(result.problems[0]).toMatchObject({ code: 'OBJECT_CORRUPT', files: ['some.db'] });
    expect(result.decrypted['files']).toBe(1);
    const { result: restored } = await place.restore(20);
    expect(restored.failed).toMatchObject([{ path: 'some.db', code: 'OBJECT_CORRUPT' }]);
    expect(restored.files).toBe(1);
  });

  it('check no database when told not to', async () => {
    const place = await makePlace();
    runWriter('create', 'wal', join(place.source, 'some.db'));
    await place.backup();
    const { result } = await place.restore(0, '--check', 'none');
    expect(result.databases).toMatchObject([{ path: 'some.db', verdict: 'not-run' }]);
  });
});
