/** The corners of everyday use that a review and a trial by a new user brought up. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { makePlace, writeTree, type ErrorJson } from '../support/cli.js';

function makeDatabase(path: string): void {
  const database = new Database(path);
  database.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)');
  database.close();
}

it('a database under two roots of one backup restores under both, also when it is unchanged', async () => {
  const place = await makePlace();
  const below = join(place.source, 'sub');
  mkdirSync(below);
  makeDatabase(join(below, 'x.db'));
  await place.backup(below);
  await place.backup(below);
  const { target, result } = await place.restore(0);
  expect(result.failed).toEqual([]);
  const copies = [join(target, 'source/sub/x.db'), join(target, 'sub/x.db')].map((path) =>
    readFileSync(path),
  );
  expect(copies[0]).toEqual(copies[1]);
  await place.nbak(0, 'verify', '--decrypt');
});

it('one directory given twice is backed up once', async () => {
  const place = await makePlace();
  writeTree(place.source, { a: 'a' });
  expect(await place.backup(`${place.source}/`)).toMatchObject({ filesTotal: 1 });
});

it('a time before 1970 comes back', async () => {
  const place = await makePlace();
  writeTree(place.source, { old: 'old' });
  execFileSync('touch', ['-d', '1969-12-31T23:59:55Z', join(place.source, 'old')]);
  await place.backup();
  const { target } = await place.restore(0);
  expect(statSync(join(target, 'old')).mtimeMs).toBe(-5000);
});

it('a restore into the repository, or to no place, is refused before anything is written', async () => {
  const place = await makePlace();
  writeTree(place.source, { a: 'a' });
  await place.backup();
  symlinkSync(place.repository, place.path('link'));
  for (const target of [join(place.repository, 'x'), join(place.path('link'), 'x/y'), place.repository, '']) {
    const { error } = await place.json<ErrorJson>(2, 'restore', 'latest', '--target', target);
    expect(error.code).toBe('USAGE_INVALID');
  }
  expect((await place.verify(0)).ok).toBe(true);
});

it('the first line that ls shows is a path that ls and restore take', async () => {
  const place = await makePlace();
  writeTree(place.source, { a: 'a' });
  await place.backup();
  const listed = await place.nbak(0, 'ls', 'latest', '.');
  expect(listed.stdout.split('\n')[0]).toMatch(/ \.$/);
  expect((await place.restore(0, '.')).result.files).toBe(1);
});

it('a database that was damaged when it was backed up is named again by verify --decrypt', async () => {
  const place = await makePlace();
  makeDatabase(join(place.source, 'x.db'));
  const bytes = readFileSync(join(place.source, 'x.db'));
  bytes.fill(0xff, 100, 4000);
  writeFileSync(join(place.source, 'x.db'), bytes);
  await place.nbak(3, 'backup', place.source);
  const verdict = await place.json(0, 'verify', '--decrypt');
  expect(verdict).toMatchObject({ ok: true, decrypted: { damagedAtCapture: ['x.db'] } });
});

it('with sealed names and no vault key a filter is refused rather than ignored', async () => {
  const place = await makePlace({ init: false });
  await place.nbak(0, 'init', '--names', 'sealed');
  writeTree(place.source, { a: 'a' });
  await place.backup();
  const env = { NBAK_REPOSITORY: place.repository, NBAK_PUBLIC_KEY: await place.publicKey() };
  for (const args of [
    ['show', 'latest', '--host', 'nope'],
    ['list', '--tag', 'nope'],
  ]) {
    const outcome = await place.run(args, { env });
    expect(outcome).toMatchObject({ exit: 12 });
    expect(outcome.stderr).toContain('KEY_MISSING');
  }
  expect(await place.run(['show', 'latest'], { env })).toMatchObject({ exit: 0 });
});

it('a cache directory that cannot be made is said and done without', async () => {
  const place = await makePlace();
  const outcome = await place.run(['verify', '--cache-dir', '/proc/1/none'], {
    env: { NBAK_REPOSITORY: place.repository, NBAK_PUBLIC_KEY: await place.publicKey() },
  });
  expect(outcome).toMatchObject({ exit: 0 });
  expect(outcome.stderr).toContain('cannot be used');
});

it('the vault key given as public key is recognised, and not shown', async () => {
  const place = await makePlace();
  const outcome = await place.run(['verify', '-r', place.repository, '--public-key', place.keyFile]);
  expect(outcome).toMatchObject({ exit: 12 });
  expect(outcome.stderr).toContain('vault key');
  expect(outcome.stderr).not.toContain(place.key);
});

it('thousands of entries behind one small file are written without piling up', async () => {
  const place = await makePlace();
  writeTree(place.source, { '.first': 'a small file whose bundle stays open' });
  for (let i = 0; i < 12_000; i += 1) symlinkSync('nowhere', join(place.source, `link-${i}`));
  await place.backup();
  const shown = await place.json<{ readonly others: number }>(0, 'show', 'latest');
  expect(shown.others).toBe(12_000);
});

it('a program that nothing wakes any more has failed, whatever it was waiting for', async () => {
  const place = await makePlace();
  const never =
    'data:text/javascript,' +
    encodeURIComponent(
      "import fs from 'node:fs/promises'; import { syncBuiltinESMExports } from 'node:module';" +
        'fs.realpath = () => new Promise(() => undefined); syncBuiltinESMExports();',
    );
  const env = { NBAK_REPOSITORY: place.repository, NBAK_VAULT_KEY: place.key };
  expect(await place.run(['list'], { env, node: ['--import', never] })).toMatchObject({
    exit: 1,
    stdout: '',
  });
});
