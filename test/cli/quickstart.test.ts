/** The quickstart, run as a user runs it: on its own sample, and on a directory of the user's. */

import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it, onTestFinished } from 'vitest';
import { snapshotTree } from '../capture/support/processes.js';

const QUICKSTART = new URL('../../dist/quickstart/main.js', import.meta.url).pathname;

it('proves every claim on its sample, shows the damage, and leaves nothing behind', () => {
  const temporary = makeDirectory();
  const { status, stdout, stderr } = run([], { TMPDIR: temporary });
  expect(stderr).toBe('');
  expect(stdout).not.toContain('NOT PROVED');
  expect(stdout).toMatch(/All 12 proofs held/);
  expect(stdout).toMatch(/OBJECT_CORRUPT packs\/.*\n +backups: [0-9a-f]{8}\n +file: /);
  expect(status).toBe(0);
  expect(readdirSync(temporary)).toEqual([]);
});

it('does the same with a directory of the user’s and does not touch it', () => {
  const { temporary, directory } = makeUserDirectory();
  const before = snapshotTree(directory);
  const { status, stdout } = run([directory], { TMPDIR: temporary });
  expect(stdout).toContain(`Everything is written to ${temporary}/nbak-quickstart-`);
  expect(stdout).toContain('proved: 2 files');
  expect(stdout).not.toContain('NOT PROVED');
  expect(status).toBe(0);
  expect(snapshotTree(directory)).toEqual(before);
  expect(readdirSync(temporary)).toEqual([]);
});

it('leaves nothing out of the directory of an application that it knows', () => {
  const { temporary, directory } = makeUserDirectory();
  for (const name of ['history.db', 'vault.db'])
    copyFileSync(join(directory, 'app.sqlite'), join(directory, name));
  for (const name of ['plugins', 'backups']) {
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, 'file'), name);
  }
  const { status, stdout } = run([directory], { TMPDIR: temporary });
  expect(stdout).toContain('proved: 4 files');
  expect(stdout).not.toContain('not in the backup');
  expect(status).toBe(0);
});

it('keeps repository, key and restored files where KEEP=1 asks for it', () => {
  const { temporary, directory } = makeUserDirectory();
  const { stdout } = run([directory], { TMPDIR: temporary, KEEP: '1' });
  const [name = ''] = readdirSync(temporary);
  expect(stdout).toContain(join(temporary, name));
  expect(readdirSync(join(temporary, name))).toEqual(
    expect.arrayContaining(['repository', 'restored', 'vault.key']),
  );
});

it('refuses to keep its files below the directory that it must not touch', () => {
  const { directory } = makeUserDirectory();
  const { status, stderr } = run([directory], { TMPDIR: join(directory, 'notes') });
  expect(status).toBe(1);
  expect(stderr).toContain('Set TMPDIR to a directory elsewhere');
  expect(readdirSync(join(directory, 'notes'))).toEqual(['today.md']);
});

it('says what is wrong with a directory that is not there', () => {
  const { status, stderr } = run(['/nowhere/at/all'], {});
  expect(status).toBe(1);
  expect(stderr).toContain('/nowhere/at/all is not a directory');
});

function makeUserDirectory(): { readonly temporary: string; readonly directory: string } {
  const directory = makeDirectory();
  mkdirSync(join(directory, 'notes'));
  writeFileSync(join(directory, 'notes/today.md'), '# Today\n');
  writeFileSync(join(directory, 'a file with spaces'), Buffer.alloc(100_000, 'abc'));
  symlinkSync('notes/today.md', join(directory, 'link'));
  const database = new Database(join(directory, 'app.sqlite'));
  database.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)');
  database.close();
  return { temporary: makeDirectory(), directory };
}

function makeDirectory(): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'nbak-test-quickstart-')));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function run(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return spawnSync(process.execPath, [QUICKSTART, ...args], {
    encoding: 'utf8',
    timeout: 250_000,
    env: { ...process.env, ...environment },
  });
}
