/** `nbak v1`: backups of nodyn and lynox where they lie. What the format refuses is in fixtures/vectors/v1.json. */

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { makePlace, parseLine, writeTree, type ErrorJson, type Json, type Place } from '../support/cli.js';
import { makeV1Directory, V1_KEY } from '../support/v1-backup.js';
import { allBytes, describeTree } from '../support/tree.js';

const FILES = { 'config.json': '{"model":"x"}', 'memory/global/facts.txt': 'The sky is blue.', empty: '' };

async function ask<T = Json>(place: Place, exit: number, args: readonly string[], key?: string): Promise<T> {
  const outcome = await place.run(['v1', ...args, '--json'], { env: { NBAK_FROM_VAULT_KEY: key } });
  expect(outcome).toMatchObject({ exit });
  return parseLine<T>(outcome);
}

/** A database with rows, as bytes. */
function databaseBytes(place: Place): Buffer {
  const path = place.path('made.db');
  const database = new Database(path);
  database.exec('CREATE TABLE notes (text); INSERT INTO notes VALUES (hex(randomblob(2000)))');
  database.close();
  return readFileSync(path);
}

describe('v1 list', () => {
  it('lists backups newest first, both eras, and passes over what was never finished', async () => {
    const place = await makePlace({ init: false });
    const root = place.path('backups');
    makeV1Directory(join(root, '2026-03-25T03000012Z'), FILES, {
      era: 'nodyn',
      createdAt: '2026-03-25T03:00:00.130Z',
    });
    makeV1Directory(join(root, 'renamed by hand'), FILES, { vaultKey: null });
    makeV1Directory(join(root, '2026-06-01T00000000Z.tmp'), FILES);
    writeTree(root, { 'unrelated/file': 'x', stray: 'x' });
    const { backups } = await ask<{ backups: readonly Json[] }>(place, 0, ['list', root]);
    expect(backups).toMatchObject([
      { path: join(root, 'renamed by hand'), era: 'lynox', encrypted: false, files: 3 },
      { era: 'nodyn', encrypted: true, time: '2026-03-25T03:00:00.130Z', directory: '/home/user/.nodyn' },
    ]);
  });

  it('says which manifest cannot be read, and lists the others', async () => {
    const place = await makePlace({ init: false });
    const root = place.path('backups');
    makeV1Directory(join(root, 'a'), FILES);
    writeTree(root, { 'b/manifest.json': '{"version":' });
    const list = await ask<{ backups: readonly Json[]; problems: readonly Json[] }>(place, 20, [
      'list',
      root,
    ]);
    expect(list.backups).toHaveLength(1);
    expect(list.problems).toMatchObject([{ path: join(root, 'b'), code: 'FORMAT_INVALID' }]);
  });

  it('passes over a link that leads nowhere, and names what cannot be looked into', async () => {
    const place = await makePlace({ init: false });
    const root = place.path('backups');
    makeV1Directory(join(root, 'a'), FILES);
    symlinkSync('nowhere', join(root, 'dangling'));
    symlinkSync('loop', join(root, 'loop'));
    const list = await ask<{ backups: readonly Json[]; problems: readonly Json[] }>(place, 3, ['list', root]);
    expect(list.backups).toHaveLength(1);
    expect(list.problems).toMatchObject([{ path: join(root, 'loop'), code: 'SOURCE_UNREADABLE' }]);
  });
});

describe('v1 verify', () => {
  it('checks databases of an encrypted backup too, which the applications called invalid (N-4)', async () => {
    const place = await makePlace({ init: false });
    const directory = place.path('backup');
    makeV1Directory(directory, { ...FILES, 'history.db': databaseBytes(place) });
    const { backups } = await ask<{ backups: readonly Json[] }>(place, 0, ['verify', directory], V1_KEY);
    expect(backups).toMatchObject([
      { keyEra: 'lynox', problems: [], databases: [{ path: 'history.db', verdict: 'ok' }] },
    ]);
    expect(readdirSync(place.temporary)).toEqual([]);
  });

  it('finds a damaged database, a changed file, a missing one, and what was put beside them', async () => {
    const place = await makePlace({ init: false });
    const directory = place.path('backup');
    const damaged = databaseBytes(place);
    damaged.fill(0x55, 4096, 4400);
    makeV1Directory(directory, { ...FILES, 'history.db': damaged, gone: 'g' }, { vaultKey: null });
    writeFileSync(join(directory, 'config.json'), '{"model":"y"}');
    renameSync(join(directory, 'gone'), join(directory, 'elsewhere'));
    const result = await ask<{
      backups: readonly { problems: readonly Json[]; unlisted: readonly string[] }[];
    }>(place, 20, ['verify', directory]);
    expect(result.backups[0]?.problems).toMatchObject([
      { code: 'OBJECT_CORRUPT', path: 'config.json' },
      { code: 'DATABASE_CHECK_FAILED', path: 'history.db' },
      { code: 'OBJECT_MISSING', path: 'gone' },
    ]);
    expect(result.backups[0]?.unlisted).toEqual(['elsewhere']);
  });

  it('refuses a wrong key that was given for it, and goes on without one that was meant for a repository', async () => {
    const place = await makePlace({ init: false });
    const directory = place.path('backup');
    makeV1Directory(directory, FILES);
    const { error } = await ask<ErrorJson>(place, 12, ['verify', directory], 'wrong');
    expect(error).toMatchObject({ code: 'KEY_WRONG', details: { tried: ['lynox', 'nodyn'] } });
    const outcome = await place.run(['v1', 'verify', directory, '--json'], {
      env: { NBAK_VAULT_KEY: place.key },
    });
    expect(parseLine(outcome)).toMatchObject({ ok: true, backups: [{ keyEra: null }] });
  });
});

describe('v1 verify of several backups', () => {
  it('looks at each, whatever is wrong with another', async () => {
    const place = await makePlace({ init: false });
    const root = place.path('backups');
    writeTree(root, { 'a/manifest.json': '{"version":' });
    makeV1Directory(join(root, 'b'), FILES, { vaultKey: 'an earlier key' });
    makeV1Directory(join(root, 'c'), FILES);
    const { backups } = await ask<{ backups: readonly Json[] }>(place, 20, ['verify', root], V1_KEY);
    expect(backups).toMatchObject([
      { path: join(root, 'a'), time: null, problems: [{ code: 'FORMAT_INVALID' }] },
      { path: join(root, 'b'), time: null, problems: [{ code: 'KEY_WRONG' }] },
      { path: join(root, 'c'), keyEra: 'lynox', problems: [] },
    ]);
  });
});

describe('v1 restore', () => {
  it('restores a backup of more files than fit into one block of its manifest', async () => {
    const place = await makePlace({ init: false });
    const files = Object.fromEntries(
      Array.from({ length: 6000 }, (_, i) => [`memory/${'x'.repeat(60)}${i}`, String(i)]),
    );
    makeV1Directory(place.path('backup'), files, { vaultKey: null });
    expect(statSync(place.path('backup/manifest.json')).size).toBeGreaterThan(2 ** 20);
    const result = await ask(place, 0, ['restore', place.path('backup'), '--target', place.path('t')]);
    expect(result).toMatchObject({ files: 6000 });
  });

  it('gives back every file, readable by the owner alone, and changes nothing in the backup', async () => {
    const place = await makePlace({ init: false });
    const directory = place.path('backup');
    makeV1Directory(directory, FILES, { directories: ['memory', 'sessions'] });
    const before = describeTree(directory);
    const target = place.path('new/target');
    const result = await ask(place, 0, ['restore', directory, '--target', target], V1_KEY);
    expect(result).toMatchObject({ era: 'lynox', keyEra: 'lynox', files: 3, bytes: 29 });
    for (const [path, content] of Object.entries(FILES)) {
      expect(readFileSync(join(target, path), 'utf8')).toBe(content);
      expect(statSync(join(target, path)).mode & 0o777).toBe(0o600);
    }
    expect(readdirSync(join(target, 'sessions'))).toEqual([]);
    expect(statSync(target).mode & 0o777).toBe(0o700);
    expect(describeTree(directory)).toEqual(before);
  });

  it('opens nodyn’s backup with the same vault key after the rename, which lynox cannot (N-7)', async () => {
    const place = await makePlace({ init: false });
    const directory = place.path('backup');
    makeV1Directory(directory, FILES, { era: 'nodyn' });
    const manifest = join(directory, 'manifest.json');
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('nodyn_dir', 'lynox_dir'));
    const result = await ask(place, 0, ['restore', directory, '--target', place.path('t')], V1_KEY);
    expect(result).toMatchObject({ era: 'lynox', keyEra: 'nodyn' });
  });

  it('leaves nothing where one file of many is damaged', async () => {
    const place = await makePlace({ init: false });
    const directory = place.path('backup');
    makeV1Directory(directory, FILES);
    const bytes = readFileSync(join(directory, 'memory/global/facts.txt'));
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    writeFileSync(join(directory, 'memory/global/facts.txt'), bytes);
    const before = readdirSync(place.directory);
    const { error } = await ask<ErrorJson>(
      place,
      20,
      ['restore', directory, '--target', place.path('t')],
      V1_KEY,
    );
    expect(error).toMatchObject({ code: 'OBJECT_CORRUPT', details: { path: 'memory/global/facts.txt' } });
    expect(readdirSync(place.directory)).toEqual(before);
  });

  it('follows no link, neither a file’s nor a directory’s above it', async () => {
    const place = await makePlace({ init: false });
    for (const which of ['config.json', 'memory']) {
      const directory = place.path(`backup-${which}`);
      makeV1Directory(directory, FILES, { vaultKey: null });
      renameSync(join(directory, which), place.path(`outside-${which}`));
      symlinkSync(place.path(`outside-${which}`), join(directory, which));
      const target = place.path(`target-${which}`);
      const { error } = await ask<ErrorJson>(place, 21, ['restore', directory, '--target', target]);
      expect(error.code).toBe('OBJECT_UNEXPECTED');
      expect(existsSync(target)).toBe(false);
    }
  });

  it('writes over nothing, and asks for the key that it lacks', async () => {
    const place = await makePlace({ init: false });
    const directory = place.path('backup');
    makeV1Directory(directory, FILES);
    const target = place.path('full');
    mkdirSync(target);
    writeFileSync(join(target, 'mine'), 'mine');
    const taken = await ask<ErrorJson>(place, 1, ['restore', directory, '--target', target], V1_KEY);
    expect(taken.error.code).toBe('TARGET_NOT_EMPTY');
    expect(readdirSync(target)).toEqual(['mine']);
    const locked = await ask<ErrorJson>(place, 12, ['restore', directory, '--target', place.path('t')]);
    expect(locked.error.code).toBe('KEY_MISSING');
    expect(allBytes(place.temporary).length).toBe(0);
  });

  it('refuses what was never finished', async () => {
    const place = await makePlace({ init: false });
    const directory = place.path('2026-06-01T00000000Z.tmp');
    makeV1Directory(directory, FILES);
    const { error } = await ask<ErrorJson>(
      place,
      20,
      ['restore', directory, '--target', place.path('t')],
      V1_KEY,
    );
    expect(error.code).toBe('FORMAT_INVALID');
  });
});
