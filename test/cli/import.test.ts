/** `nbak import`: backups of other programs become backups of the repository. */

import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { newAppKeyText } from '#nbak/crypto/fernet.js';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { signalled } from '../support/caught-run.js';
import { makePlace, parseLine, writeTree, type ErrorJson, type Json, type Place } from '../support/cli.js';
import { tokenOf } from '../support/keyed-application.js';
import { tarGz, type Member } from '../support/tar.js';
import { allBytes, randomLike } from '../support/tree.js';
import { makeV1Directory, V1_KEY } from '../support/v1-backup.js';

const FILES = { 'config.json': '{"model":"x"}', 'memory/global/facts.txt': 'The sky is blue.', empty: '' };

interface ImportJson {
  readonly id: string;
  readonly format: string;
  readonly time: string;
  readonly origin: string;
  readonly keyEra: string | null;
  readonly dropped: readonly string[];
}

async function take<T = ImportJson>(
  place: Place,
  exit: number,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<T> {
  const own = { NBAK_REPOSITORY: place.repository, NBAK_VAULT_KEY: place.key };
  const outcome = await place.run(['import', ...args, '--json'], { env: { ...own, ...env } });
  expect(outcome).toMatchObject({ exit });
  return parseLine<T>(outcome);
}

/** The one backup as it is shown, and its files restored. */
async function seen(place: Place, id: string): Promise<{ shown: Json; target: string }> {
  const shown = await place.json(0, 'show', id);
  const target = place.path(`restored-${id}`);
  await place.nbak(0, 'restore', id, '--target', target);
  return { shown, target };
}

function makeDatabase(path: string, rows: number): Buffer {
  const database = new Database(path);
  database.exec('CREATE TABLE notes (text)');
  const insert = database.prepare('INSERT INTO notes VALUES (hex(randomblob(500)))');
  for (let i = 0; i < rows; i += 1) insert.run();
  database.close();
  return readFileSync(path);
}

describe('importing version 1', () => {
  it('makes an ordinary backup of the original date, signed now, which anybody can verify', async () => {
    const place = await makePlace();
    const source = place.path('backups/2026-05-01T12345678Z');
    const database = makeDatabase(place.path('made.db'), 30);
    makeV1Directory(
      source,
      { ...FILES, 'history.db': database },
      { era: 'nodyn', directories: ['sessions'] },
    );
    const before = Date.now();
    const { id, ...result } = await take(place, 0, [source], { NBAK_FROM_VAULT_KEY: V1_KEY });
    expect(result).toMatchObject({
      format: 'v1',
      time: '2026-05-01T12:34:56.789Z',
      origin: '/home/user/.nodyn',
      keyEra: 'nodyn',
      dropped: [],
    });
    const { shown, target } = await seen(place, id);
    expect(shown).toMatchObject({
      time: '2026-05-01T12:34:56.789Z',
      roots: [{ name: '.nodyn', path: '/home/user/.nodyn' }],
      tags: ['imported:v1'],
      purpose: 'ordinary',
      profile: 'nodyn',
    });
    expect(Date.parse(String(shown['signedAt']))).toBeGreaterThanOrEqual(before);
    for (const [path, content] of Object.entries(FILES))
      expect(readFileSync(join(target, path), 'utf8')).toBe(content);
    expect(readFileSync(join(target, 'history.db')).equals(database)).toBe(true);
    expect(readdirSync(join(target, 'sessions'))).toEqual([]);
    await place.verify(0);
    expect(readdirSync(place.temporary)).toEqual([]);
    expect(allBytes(place.repository).includes('The sky is blue.')).toBe(false);
  });

  it('keeps what the profile would leave out today, and records the other rules, for a restore in place', async () => {
    const place = await makePlace();
    makeV1Directory(
      place.path('a'),
      { ...FILES, 'plugins/café/p.js': 'x', '.cache-salt': 's' },
      { vaultKey: null },
    );
    const { id } = await take(place, 0, [place.path('a')]);
    const { target, shown } = await seen(place, id);
    expect(readFileSync(join(target, 'plugins/café/p.js'), 'utf8')).toBe('x');
    expect(readFileSync(join(target, '.cache-salt'), 'utf8')).toBe('s');
    const { exclude } = (shown as { scope: { exclude: readonly string[] } }).scope;
    expect(exclude).toContain('/backups/');
    expect(exclude).not.toContain('/plugins/');
    expect(exclude).not.toContain('/.cache-salt');
    writeTree(target, { 'backups/old': 'stays', 'config.json': 'newer' });
    await place.nbak(0, 'restore', id, '--in-place', target);
    expect(readFileSync(join(target, 'backups/old'), 'utf8')).toBe('stays');
    expect(readFileSync(join(target, 'config.json'), 'utf8')).toBe(FILES['config.json']);
  });

  it('stores what two backups have in common once', async () => {
    const place = await makePlace();
    const big = randomLike(3_000_000);
    makeV1Directory(place.path('a'), { big }, { createdAt: '2026-05-01T00:00:00.000Z' });
    makeV1Directory(place.path('b'), { big, more: 'x' }, { createdAt: '2026-05-02T00:00:00.000Z' });
    const env = { NBAK_FROM_VAULT_KEY: V1_KEY };
    await take(place, 0, [place.path('a')], env);
    const second = await take<{ bytesAdded: number }>(place, 0, [place.path('b')], env);
    expect(second.bytesAdded).toBeLessThan(100_000);
    const { backups } = await place.json<{ backups: readonly { time: string }[] }>(0, 'list');
    expect(backups.map(({ time }) => time)).toEqual(['2026-05-02T00:00:00.000Z', '2026-05-01T00:00:00.000Z']);
  });

  it('takes a date to come for now: nobody vouches for it, and it would be the latest until then', async () => {
    const place = await makePlace();
    makeV1Directory(place.path('a'), FILES, { vaultKey: null, createdAt: '2099-01-01T00:00:00.000Z' });
    const { time } = await take(place, 0, [place.path('a')]);
    expect(Date.parse(time)).toBeLessThanOrEqual(Date.now());
  });

  it('gives its files the name that the format has where the manifest’s directory has none that is safe', async () => {
    const place = await makePlace();
    makeV1Directory(place.path('a'), FILES, { vaultKey: null });
    const manifest = join(place.path('a'), 'manifest.json');
    const fields = JSON.parse(readFileSync(manifest, 'utf8')) as Json;
    for (const directory of ['/home/user/..', '/', 'C:\\Users\\ada', '/a\0b']) {
      writeFileSync(manifest, JSON.stringify({ ...fields, lynox_dir: directory }));
      const { id } = await take(place, 0, [place.path('a')]);
      expect(await place.json(0, 'show', id), directory).toMatchObject({ roots: [{ name: 'lynox' }] });
    }
  });

  it('takes a key from a file, without the line end that an editor left there', async () => {
    const place = await makePlace();
    makeV1Directory(place.path('a'), FILES);
    writeFileSync(place.path('old.key'), `${V1_KEY}\n`);
    await take(place, 0, [place.path('a'), '--from-vault-key-file', place.path('old.key')]);
  });

  it('adds nothing where the source is refused', async () => {
    const place = await makePlace();
    makeV1Directory(place.path('a'), FILES);
    const { error } = await take<ErrorJson>(place, 12, [place.path('a')], { NBAK_FROM_VAULT_KEY: 'wrong' });
    expect(error.code).toBe('KEY_WRONG');
    writeFileSync(join(place.path('a'), 'config.json'), 'plain');
    const corrupt = await take<ErrorJson>(place, 20, [place.path('a')], { NBAK_FROM_VAULT_KEY: V1_KEY });
    expect(corrupt.error.code).toBe('OBJECT_CORRUPT');
    expect(await place.json(0, 'list')).toMatchObject({ backups: [] });
    expect(readdirSync(place.temporary)).toEqual([]);
  });

  it('leaves no plaintext when it is killed', async () => {
    const place = await makePlace();
    const big = Buffer.concat([Buffer.from('SECRET-'.repeat(1000)), randomLike(40_000_000)]);
    makeV1Directory(place.path('a'), { big }, { vaultKey: null });
    const env = {
      NBAK_REPOSITORY: place.repository,
      NBAK_VAULT_KEY: place.key,
      NBAK_FROM_VAULT_KEY: V1_KEY,
    };
    const staged = (): boolean => {
      const [directory] = readdirSync(place.temporary);
      return (
        directory !== undefined &&
        readdirSync(join(place.temporary, directory), { recursive: true }).length > 2
      );
    };
    const outcome = await signalled('SIGKILL', () => ({
      run: place.start(['import', place.path('a')], { env }),
      isThere: staged,
    }));
    expect(outcome).toMatchObject({ exit: 137 });
    while (readdirSync(place.temporary).length > 0) await sleep(10);
    expect(readdirSync(place.temporary)).toEqual([]);
  });
});

describe('importing Chaos Cypher', () => {
  it('knows date and knowledge base by name and place, and keeps every page', async () => {
    const place = await makePlace();
    const file = place.path('data/backups/physics/app_20260501_123456.db');
    writeTree(place.path('data/backups/physics'), { 'app_20260501_123456.db-wal': 'of somebody else' });
    const bytes = makeDatabase(file, 50);
    writeFileSync(`${file}-wal`, 'of somebody else');
    const { id, ...result } = await take(place, 0, [file]);
    expect(result).toMatchObject({
      format: 'chaos-cypher',
      time: '2026-05-01T12:34:56.000Z',
      origin: place.path('data/databases/physics/app.db'),
      dropped: ['app_20260501_123456.db-wal'],
    });
    const { target } = await seen(place, id);
    expect(readdirSync(target)).toEqual(['app.db']);
    expect(readFileSync(join(target, 'app.db')).equals(bytes)).toBe(true);
  });

  it('marks what was made before a migration', async () => {
    const place = await makePlace();
    writeTree(place.path('data/databases/default/backups'), { x: '' });
    const file = place.path('data/databases/default/backups/pre-0042_add-tags-20260501T123456Z.db');
    makeDatabase(file, 3);
    const { id, time, origin } = await take(place, 0, [file]);
    expect({ time, origin }).toEqual({
      time: '2026-05-01T12:34:56.000Z',
      origin: place.path('data/databases/default/app.db'),
    });
    expect(await place.json(0, 'show', id)).toMatchObject({ purpose: 'update' });
  });

  it('refuses an empty file (C-5), a name that leaves its place, and calls a damaged database damaged', async () => {
    const place = await makePlace();
    const file = place.path('app_20260501_123456.db');
    writeFileSync(file, '');
    const empty = await take<ErrorJson>(place, 20, [file, '--format', 'chaos-cypher']);
    expect(empty.error.code).toBe('FORMAT_INVALID');
    const bytes = makeDatabase(file, 100);
    const unsafe = await take<ErrorJson>(place, 2, [file, '--database', '../../etc']);
    expect(unsafe.error.code).toBe('USAGE_INVALID');
    bytes.fill(0x55, 4096, 12_000);
    writeFileSync(file, bytes);
    const damaged = await take<{ damaged: readonly Json[] }>(place, 3, [file]);
    expect(damaged.damaged).toMatchObject([{ path: 'app.db/app.db', code: 'DATABASE_DAMAGED' }]);
  });
});

describe('importing Odysseus', () => {
  const data: readonly Member[] = [
    { path: 'data/', type: '5', mode: 0o755 },
    { path: 'data/settings.json', content: '{}' },
    { path: 'data/.app_key', content: 'k'.repeat(44), mode: 0o600 },
    { path: 'data/uploads/empty/', type: '5' },
    { path: 'data/uploads/café.txt', content: 'au lait' },
  ];

  async function takeTar<T = ImportJson>(
    place: Place,
    exit: number,
    members: readonly Member[],
    ...more: string[]
  ) {
    const file = place.path('odysseus-backup-20260501-123456.tar.gz');
    writeFileSync(file, tarGz(members));
    return take<T>(place, exit, [file, ...more]);
  }

  it('unpacks an archive, with modes and times, and drops what lies beside a database (O-2)', async () => {
    const place = await makePlace();
    const database = makeDatabase(place.path('made.db'), 20);
    const { id, ...result } = await takeTar(place, 0, [
      ...data,
      { path: 'data/app.db', content: database },
      { path: 'data/app.db-wal', content: 'stale' },
      { path: 'data/app.db-journal', content: 'hot' },
      { path: 'data/notes-wal', content: 'no sidecar' },
    ]);
    const local = new Date(2026, 4, 1, 12, 34, 56).toISOString();
    expect(result).toMatchObject({ format: 'odysseus-tar', time: local, origin: place.path('data') });
    expect(result.dropped).toEqual(['data/app.db-wal', 'data/app.db-journal']);
    const { target, shown } = await seen(place, id);
    expect(shown).toMatchObject({ roots: [{ name: 'data' }] });
    expect(readdirSync(target).sort()).toEqual([
      '.app_key',
      'app.db',
      'notes-wal',
      'settings.json',
      'uploads',
    ]);
    expect(readFileSync(join(target, 'app.db')).equals(database)).toBe(true);
    expect(readFileSync(join(target, 'uploads/café.txt'), 'utf8')).toBe('au lait');
    expect(statSync(join(target, '.app_key')).mode & 0o777).toBe(0o600);
    expect(statSync(join(target, 'settings.json')).mtimeMs).toBe(1_700_000_000_000);
  });

  it('seals its app keys apart from its files, and counts what they open', async () => {
    const place = await makePlace();
    const key = newAppKeyText(nodeCrypto);
    const token = `enc:${tokenOf(key, 'smtp password')}`;
    const { id, ...result } = await takeTar<
      ImportJson & { profile: string; appKeys: readonly { name: string }[] }
    >(place, 0, [
      { path: 'data/.app_key', content: key, mode: 0o600 },
      { path: 'data/integrations.json', content: JSON.stringify({ mail: { api_key: token } }) },
      { path: 'data/tts_cache/a.mp3', content: 'sound' },
    ]);
    expect(result.profile).toBe('odysseus');
    expect(result.appKeys).toContainEqual({
      name: 'odysseus',
      origin: { kind: 'file', at: 'data/.app_key' },
      opened: 1,
      failed: 0,
    });
    const { target, shown } = await seen(place, id);
    expect(shown).toMatchObject({ profile: 'odysseus' });
    expect(readFileSync(join(target, '.app_key'), 'utf8')).toBe(key);
    expect(readFileSync(join(target, 'tts_cache/a.mp3'), 'utf8')).toBe('sound');
    expect(await place.json(0, 'appkey', 'check', id)).toMatchObject({ opened: 1, failed: 0 });
  });

  it('adds nothing where an archive is refused, and leaves nothing staged', async () => {
    const place = await makePlace();
    const { error } = await takeTar<ErrorJson>(place, 21, [
      ...data,
      { path: 'data/../../evil', content: 'x' },
    ]);
    expect(error.code).toBe('PATH_UNSAFE');
    expect(await place.json(0, 'list')).toMatchObject({ backups: [] });
    expect(readdirSync(place.temporary)).toEqual([]);
  });

  it.each([1, 2])('keeps an export of version %d byte for byte, under its date', async (version) => {
    const place = await makePlace();
    const file = place.path('odysseus_backup_20260501_123456.json');
    const content = {
      version,
      exported_at: '2026-05-01T12:34:56.123456',
      exported_by: 'ada',
      // More than is read at once.
      memories: [{ text: 'likes tea '.repeat(200_000), owner: 'ada' }],
      ...(version === 2 && { notes: [{ id: 'n', title: 't' }], calendar: { calendars: [], events: [] } }),
    };
    writeFileSync(file, JSON.stringify(content, null, 2));
    const { id, ...result } = await take(place, 0, [file]);
    const local = new Date(2026, 4, 1, 12, 34, 56, 123).toISOString();
    expect(result).toMatchObject({ format: 'odysseus-json', time: local });
    const { target } = await seen(place, id);
    expect(readFileSync(join(target, 'odysseus_backup.json')).equals(readFileSync(file))).toBe(true);
  });
});

describe('importing anything', () => {
  it('says what it takes where it recognises nothing', async () => {
    const place = await makePlace();
    writeTree(place.path('stuff'), { 'a.txt': 'x' });
    const { error } = await take<ErrorJson>(place, 2, [place.path('stuff')]);
    expect(error).toMatchObject({
      code: 'USAGE_INVALID',
      details: { formats: expect.arrayContaining(['v1']) as unknown },
    });
    expect((await take<ErrorJson>(place, 1, [place.path('nowhere')])).error.code).toBe('SOURCE_NOT_FOUND');
  });

  it('takes date and origin from the user, and a link given as source', async () => {
    const place = await makePlace();
    makeDatabase(place.path('copy.db'), 2);
    symlinkSync(place.path('copy.db'), place.path('link.db'));
    const args = [
      '--time',
      '2020-02-03T04:05:06+01:00',
      '--origin',
      '/srv/app.db',
      '--tag',
      'old',
      '--host',
      'elsewhere',
    ];
    const { id, time } = await take(place, 0, [place.path('link.db'), ...args]);
    expect(time).toBe('2020-02-03T03:05:06.000Z');
    expect(await place.json(0, 'show', id)).toMatchObject({
      host: 'elsewhere',
      tags: ['imported:chaos-cypher', 'old'],
      roots: [{ path: '/srv/app.db' }],
    });
    const { error } = await take<ErrorJson>(place, 2, [place.path('link.db'), '--time', '2020-02-03']);
    expect(error.code).toBe('USAGE_INVALID');
  });
});
