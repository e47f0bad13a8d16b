/** A state directory in two states, for restores over it: what was backed up, and what came after. */

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { writeTree } from './cli.js';
import { describeTree, randomLike } from './tree.js';

/** What every backup of the directory leaves out. */
export const LEFT_OUT = ['*.log', '/vault.key'] as const;

/** The options that say so. */
export const LEAVING_OUT = LEFT_OUT.flatMap((pattern) => ['--exclude', pattern]);

/** Writes the state that is backed up. */
export function writeFirstState(directory: string): void {
  writeTree(directory, {
    'settings.json': '{"n":1}',
    'notes/a.md': 'a',
    'notes/deep/b.md': 'b',
    'uploads/photo.jpg': randomLike(300_000),
    'uploads/gone.jpg': randomLike(40_000, 2),
    'logs/app.log': 'first\n',
    'logs/state': 'kept with the logs',
    'vault.key': 'key one',
    becomes: 'a file that becomes a directory',
  });
  mkdirSync(join(directory, 'empty'));
  symlinkSync('notes/a.md', join(directory, 'link'));
  makeDatabase(join(directory, 'wal.db'), 'wal', 1);
  makeDatabase(join(directory, 'data/rollback.db'), 'delete', 1);
  utimesSync(join(directory, 'notes'), 1_600_000_000, 1_600_000_000.25);
}

/** Writes the state that is there when the backup is restored. */
export function writeSecondState(directory: string): void {
  writeTree(directory, {
    'settings.json': '{"n":2}',
    'notes/deep/b.md': 'b, but longer',
    'notes/new.md': 'new',
    'uploads/photo.jpg': randomLike(310_000, 3),
    'other/new': 'new',
    'logs/app.log': 'first\nsecond\n',
    'logs/new.log': 'third',
    'vault.key': 'key two',
  });
  rmSync(join(directory, 'uploads/gone.jpg'));
  rmSync(join(directory, 'empty'), { recursive: true });
  rmSync(join(directory, 'becomes'));
  writeTree(directory, { 'becomes/a': 'a' });
  setCounter(join(directory, 'wal.db'), 2);
  setCounter(join(directory, 'data/rollback.db'), 2);
}

/** Makes a database with one counter and some bulk, and closes it. */
export function makeDatabase(path: string, journal: 'wal' | 'delete', counter: number): void {
  mkdirSync(dirname(path), { recursive: true });
  const db = new Database(path);
  db.pragma(`journal_mode = ${journal}`);
  db.exec('CREATE TABLE counter (n INTEGER); CREATE TABLE items (body TEXT)');
  db.prepare('INSERT INTO counter VALUES (?)').run(counter);
  const insert = db.prepare('INSERT INTO items VALUES (?)');
  db.transaction(() => {
    for (let i = 0; i < 200; i += 1) insert.run('x'.repeat(400));
  })();
  db.close();
}

/** Commits a counter. */
export function setCounter(path: string, counter: number): void {
  const db = new Database(path);
  db.prepare('UPDATE counter SET n = ?').run(counter);
  db.close();
}

/** The counter of a sound database with its log or journal, looked at in a copy: SQLite leaves files behind. */
export function counterOf(path: string): unknown {
  const directory = mkdtempSync(join(tmpdir(), 'nbak-test-counter-'));
  const copy = join(directory, 'copy');
  for (const suffix of ['', '-wal', '-journal'])
    if (existsSync(path + suffix)) copyFileSync(path + suffix, copy + suffix);
  const db = new Database(copy);
  try {
    const sound = db.pragma('integrity_check', { simple: true });
    return sound === 'ok' ? db.prepare('SELECT n FROM counter').pluck().get() : sound;
  } finally {
    db.close();
    rmSync(directory, { recursive: true });
  }
}

const DATABASES = ['wal.db', 'data/rollback.db'];

/**
 * Everything of a state that the scope of the backup takes in, databases by their counters: SQLite's backup changes
 * their headers.
 */
export function describeState(directory: string): string[] {
  const isIn = (name: string): boolean =>
    !/\.log$|^vault\.key$|^\.nbak-restore|^NBAK-RESTORE|\.db(-|$)/.test(name);
  const lines = describeTree(directory).filter((line) =>
    isIn(JSON.parse(/^"(?:[^"\\]|\\.)*"/.exec(line)?.[0] ?? '""') as string),
  );
  const databases = DATABASES.map((name) => `${name} ${String(counterOf(join(directory, name)))}`);
  // An empty log is no log: who locks a database in WAL mode and is killed leaves one.
  const sidecars = (readdirSync(directory, { recursive: true }) as string[]).filter(
    (name) => /^(?!\.nbak).*\.db-/.test(name) && statSync(join(directory, name)).size > 0,
  );
  return [...lines, ...databases, ...sidecars.sort()];
}
