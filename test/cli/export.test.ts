/** `nbak export`: backups as other programs take them, read here by readers that share nothing with the writer. */

import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { readV1Backup, type ReadBackup } from '../reference/v1.js';
import { makePlace, parseLine, writeTree, type ErrorJson, type Json, type Place } from '../support/cli.js';
import { describeTree, randomLike } from '../support/tree.js';

const APPLICATION_KEY = 'the application’s own key';

interface ExportJson {
  readonly backup: string;
  readonly path: string;
  readonly files: number;
  readonly left: readonly string[];
  readonly withheld: readonly string[];
}

async function give<T = ExportJson>(place: Place, exit: number, ...args: readonly string[]): Promise<T> {
  const outcome = await place.run(['export', 'latest', place.path('out'), '--json', ...args], {
    env: {
      NBAK_REPOSITORY: place.repository,
      NBAK_VAULT_KEY: place.key,
      NBAK_TO_VAULT_KEY: APPLICATION_KEY,
      TZ: 'Asia/Tokyo',
    },
  });
  expect(outcome).toMatchObject({ exit });
  return parseLine<T>(outcome);
}

/** A directory of version 1 by the independent reader. */
function readDirectory(path: string, vaultKey: string | null = APPLICATION_KEY): ReadBackup {
  const files = (
    readdirSync(path, { recursive: true, withFileTypes: true }) as unknown as {
      name: string;
      parentPath: string;
      isFile(): boolean;
    }[]
  )
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name).slice(path.length + 1))
    .filter((name) => name !== 'manifest.json')
    .map((name) => ({ path: name, bytes: new Uint8Array(readFileSync(join(path, name))) }));
  return readV1Backup({ vaultKey, manifest: readFileSync(join(path, 'manifest.json')), files });
}

function makeDatabase(path: string): void {
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  database.exec('CREATE TABLE notes (text); INSERT INTO notes VALUES (hex(randomblob(3000)))');
  database.close();
}

/** A state directory of lynox, in the place's source. */
function makeState(place: Place): void {
  writeTree(place.source, {
    'config.json': '{}',
    'memory/global/facts.txt': 'The sky is blue.',
    empty: '',
    'workspace/big.bin': randomLike(2_500_000),
    'memory/p/manifest.json': '{"inner":true}',
  });
  mkdirSync(join(place.source, 'sessions'));
  makeDatabase(join(place.source, 'history.db'));
}

describe('exporting version 1', () => {
  it.each(['lynox', 'nodyn'] as const)('writes what %s restores, file for file', async (era) => {
    const place = await makePlace();
    makeState(place);
    const { time } = await place.json<{ time: string }>(0, 'backup', place.source);
    const { path, ...result } = await give(place, 0, '--format', 'v1', '--era', era);
    expect(result).toMatchObject({ files: 6, left: [], withheld: [] });
    expect(basename(path)).toMatch(/^\d{4}-\d\d-\d\dT\d{8}Z$/);
    expect(basename(path)).toBe(`${time.replaceAll(/[:.]/g, '').slice(0, 19)}Z`);
    const read = readDirectory(path);
    expect(read).toMatchObject({ era, keyEra: era, createdAt: Date.parse(time), directory: place.source });
    expect(read.files).toHaveLength(6);
    for (const { path: name, bytes } of read.files)
      expect(Buffer.from(bytes).equals(readFileSync(join(place.source, name))), name).toBe(true);
    const manifest = JSON.parse(readFileSync(join(path, 'manifest.json'), 'utf8')) as {
      files: { path: string; type: string }[];
    };
    const typeOf = (name: string): string | undefined =>
      manifest.files.find((row) => row.path === name)?.type;
    expect([typeOf('history.db'), typeOf('config.json'), typeOf('sessions')]).toEqual([
      'sqlite',
      'file',
      'directory',
    ]);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(join(path, 'config.json')).mode & 0o777).toBe(0o600);
  });

  it('comes back by an import as it was: files, empty directories, times', async () => {
    const place = await makePlace();
    makeState(place);
    utimesSync(join(place.source, 'config.json'), 1_700_000_000, 1_700_000_000);
    await place.backup();
    const { path, backup } = await give(place, 0, '--format', 'v1');
    const env = {
      NBAK_REPOSITORY: place.repository,
      NBAK_VAULT_KEY: place.key,
      NBAK_FROM_VAULT_KEY: APPLICATION_KEY,
    };
    const { id, time, bytesAdded } = parseLine<{ id: string; time: string; bytesAdded: number }>(
      await place.run(['import', path, '--json'], { env }),
    );
    // Every chunk was there already.
    expect(bytesAdded).toBeLessThan(20_000);
    const before = await place.json(0, 'show', backup);
    expect(await place.json(0, 'show', id)).toMatchObject({ time: before['time'], roots: before['roots'] });
    expect(time).toBe(before['time']);
    const [a, b] = [place.path('restored-a'), place.path('restored-b')];
    await place.nbak(0, 'restore', backup, '--target', a);
    await place.nbak(0, 'restore', id, '--target', b);
    const facts = (directory: string): string[] =>
      // Version 1 has no modes; times of directories are not its own.
      describeTree(directory).map((line) =>
        line.replace(/^("[^"]*") 10\d+ /, '$1 ').replace(/^("[^"]*") 4\d+ .*/, '$1'),
      );
    expect(facts(b)).toEqual(facts(a));
  });

  it('is plain only where that was typed, and encrypted with the repository’s key where no other is given', async () => {
    const place = await makePlace();
    makeState(place);
    await place.backup();
    const plain = await give(place, 0, '--format', 'v1', '--plain');
    expect(readDirectory(plain.path, null)).toMatchObject({ keyEra: null });
    expect(readFileSync(join(plain.path, 'empty'))).toHaveLength(0);
    const out = await place.json<ExportJson>(0, 'export', 'latest', place.path('out'), '--format', 'v1');
    // The applications' way where a name is taken.
    expect(out.path).toBe(`${plain.path}-1`);
    expect(readDirectory(out.path, place.key)).toMatchObject({ keyEra: 'lynox' });
    expect(readdirSync(place.path('out')).some((name) => name.endsWith('.tmp'))).toBe(false);
  });

  it('names what it cannot hold, exit 3', async () => {
    const place = await makePlace();
    writeTree(place.source, { 'a.txt': 'a', 'manifest.json': 'mine' });
    symlinkSync('a.txt', join(place.source, 'link'));
    writeFileSync(Buffer.concat([Buffer.from(`${place.source}/`), Buffer.from([0x66, 0xff])]), 'no text');
    await place.backup();
    const { left, path } = await give(place, 3, '--format', 'v1');
    expect(left).toEqual([
      expect.stringContaining('f\uFFFD: '),
      'link: a symlink',
      expect.stringContaining('manifest.json: '),
    ]);
    expect(readDirectory(path).files.map((file) => file.path)).toEqual(['a.txt']);
  });
});

describe('exporting for Chaos Cypher', () => {
  /** A data directory with two knowledge bases. */
  async function backUpData(place: Place): Promise<void> {
    for (const name of ['default', 'physics']) {
      mkdirSync(join(place.source, 'databases', name), { recursive: true });
      makeDatabase(join(place.source, 'databases', name, 'app.db'));
    }
    await place.backup();
  }

  it('writes the database of one knowledge base under the moment’s name, and takes it back', async () => {
    const place = await makePlace();
    await backUpData(place);
    const { path } = await give(place, 0, '--format', 'chaos-cypher', '--database', 'physics');
    expect(basename(path)).toMatch(/^app_\d{8}_\d{6}\.db$/);
    expect(readFileSync(path)).toEqual(readFileSync(join(place.source, 'databases/physics/app.db')));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const { id } = await place.json<{ id: string }>(0, 'import', path, '--database', 'physics');
    const again = await place.json<ExportJson>(
      0,
      'export',
      id,
      place.path('again'),
      '--format',
      'chaos-cypher',
    );
    expect(basename(again.path)).toBe(basename(path));
    expect(readFileSync(again.path)).toEqual(readFileSync(path));
  });

  it('writes one from before a migration', async () => {
    const place = await makePlace();
    await backUpData(place);
    const { path } = await give(
      place,
      0,
      '--format',
      'chaos-cypher',
      '--database',
      'default',
      '--revision',
      '0042/add',
    );
    expect(basename(path)).toMatch(/^pre-0042_add-\d{8}T\d{6}Z\.db$/);
  });

  it('asks which of several, knows which there are, and writes over nothing', async () => {
    const place = await makePlace();
    await backUpData(place);
    const args = ['--format', 'chaos-cypher'];
    const several = await give<ErrorJson>(place, 2, ...args);
    expect(several.error).toMatchObject({
      code: 'USAGE_INVALID',
      details: { databases: ['default', 'physics'] },
    });
    const none = await give<ErrorJson>(place, 1, ...args, '--database', 'chemistry');
    expect(none.error.code).toBe('PATH_NOT_FOUND');
    const { path } = await give(place, 0, ...args, '--database', 'physics');
    const before = readFileSync(path);
    const taken = await give<ErrorJson>(place, 1, ...args, '--database', 'default');
    expect(taken.error.code).toBe('TARGET_FAILED');
    expect(readFileSync(path)).toEqual(before);
    expect(readdirSync(place.path('out'))).toEqual([basename(path)]);
  });
});

describe('exporting for Odysseus', () => {
  const SKILL = `---
name: open-pr
description: "Open a PR: from a branch"
version: 1.2.0
category: dev
tags: [git, "code, review"]
status: published
confidence: 0.91234
owner: ada
created: 2026-05-09T21:43:00Z
---

Some words before.

## When to Use

When a branch is done.

## Procedure

1. Push
2. Open
   and wait

## Pitfalls

- Draft state

## Notes

More words.
`;

  /** A data directory of two users. */
  async function backUpData(place: Place): Promise<void> {
    const text = (value: unknown): string => JSON.stringify(value);
    writeTree(place.source, {
      'auth.json': text({ users: { ada: { hash: 'x' }, bob: { hash: 'y' } } }),
      'memory.json': text([
        { id: '1', text: 'likes tea', owner: 'ada' },
        { id: '2', text: 'likes coffee', owner: 'bob' },
        { id: '3', text: 'nobody’s' },
      ]),
      'presets.json': text({ calm: { temperature: 0.2 } }),
      'settings.json': text({
        theme: 'dark',
        max_tokens: 4096,
        brave_api_key: 'SECRET-1',
        empty_token: '',
        mail: { host: 'h', password: 'SECRET-2' },
      }),
      'features.json': text({ beta: true }),
      'user_prefs.json': text({
        _users: { ada: { lang: 'en', dav: 'enc:gAAAAAsecret' }, bob: { lang: 'de' } },
      }),
      'skills/dev/open-pr/SKILL.md': SKILL,
      'skills/_usage.json': text({ 'ada::open-pr': { uses: 7, last_used: 5 } }),
    });
    await place.backup();
  }

  it('writes what belongs to one user, as version 1', async () => {
    const place = await makePlace();
    await backUpData(place);
    const { path, ...result } = await give(place, 3, '--format', 'odysseus-json', '--user', 'ada');
    expect(basename(path)).toMatch(/^odysseus_backup_\d{8}_\d{6}\.json$/);
    expect(result.left).toEqual(['1 memories and skills that belong to no user']);
    expect(result.withheld).toEqual(['settings.brave_api_key', 'settings.mail', 'preferences.dav']);
    const content = JSON.parse(readFileSync(path, 'utf8')) as Json;
    const { exported_at: at, ...rest } = content;
    // Local time, here of Tokyo, without saying so.
    const { time } = await place.json<{ time: string }>(0, 'show', result.backup);
    expect(Date.parse(`${String(at)}+09:00`)).toBe(Date.parse(time));
    expect(rest).toMatchObject({
      version: 1,
      exported_by: 'ada',
      memories: [{ id: '1', text: 'likes tea', owner: 'ada' }],
      presets: { calm: { temperature: 0.2 } },
      settings: { theme: 'dark', max_tokens: 4096, empty_token: '' },
      features: { beta: true },
      preferences: { lang: 'en' },
    });
    expect(readFileSync(path, 'utf8')).not.toContain('SECRET');
    expect(content['skills']).toMatchObject([
      {
        id: 'open-pr',
        name: 'open-pr',
        description: 'Open a PR: from a branch',
        tags: ['git', 'code, review'],
        confidence: 0.912,
        when_to_use: 'When a branch is done.',
        procedure: ['Push', 'Open and wait'],
        pitfalls: ['Draft state'],
        body_extra: 'Some words before.\n\nMore words.',
        uses: 7,
      },
    ]);
  });

  it('has credentials where they were asked for', async () => {
    const place = await makePlace();
    await backUpData(place);
    const { path, withheld } = await give(
      place,
      3,
      ...['--format', 'odysseus-json', '--user', 'ada', '--include-secrets'],
    );
    expect(withheld).toEqual([]);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
      settings: { brave_api_key: 'SECRET-1', mail: { password: 'SECRET-2' } },
      preferences: { dav: 'enc:gAAAAAsecret' },
    });
  });

  it('asks whose where there are several users, and takes the only one', async () => {
    const place = await makePlace();
    await backUpData(place);
    const several = await give<ErrorJson>(place, 2, '--format', 'odysseus-json');
    expect(several.error).toMatchObject({ code: 'USAGE_INVALID', details: { users: ['ada', 'bob'] } });
    const unknown = await give<ErrorJson>(place, 2, '--format', 'odysseus-json', '--user', 'eve');
    expect(unknown.error.code).toBe('USAGE_INVALID');
  });

  it('makes version 1 of an imported export, of whichever version', async () => {
    const place = await makePlace();
    const file = place.path('odysseus_backup_20260501_123456.json');
    const sections = { memories: [{ text: 'tea', owner: 'ada' }], skills: [], settings: { theme: 'dark' } };
    const exported = { exported_at: '2026-05-01T12:34:56.000000', exported_by: 'ada' };
    writeFileSync(file, JSON.stringify({ version: 2, ...exported, ...sections, notes: [{ id: 'n' }] }));
    await place.nbak(0, 'import', file);
    const { path, left } = await give(place, 3, '--format', 'odysseus-json');
    expect(left).toEqual(['notes: version 1 has no place for it']);
    const content = JSON.parse(readFileSync(path, 'utf8')) as Json;
    expect(content).toMatchObject({ version: 1, exported_by: 'ada', ...sections });
    expect(content).not.toHaveProperty('notes');
  });

  it('takes everything of an instance without users', async () => {
    const place = await makePlace();
    writeTree(place.source, {
      'data/memory.json': JSON.stringify([{ text: 'a' }, { text: 'b' }]),
      'data/user_prefs.json': JSON.stringify({ lang: 'fr' }),
    });
    await place.backup();
    const { path } = await give(place, 0, '--format', 'odysseus-json');
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
      exported_by: null,
      memories: [{ text: 'a' }, { text: 'b' }],
      preferences: { lang: 'fr' },
    });
  });
});

describe('exporting anything', () => {
  it('refuses options of another format, a backup of something else, and to write into the repository', async () => {
    const place = await makePlace();
    writeTree(place.source, { 'a.txt': 'a' });
    await place.backup();
    for (const args of [
      ['--format', 'v1', '--user', 'ada'],
      ['--format', 'odysseus-json', '--plain'],
      ['--format', 'v1', '--plain', '--to-vault-key-file', place.keyFile],
      [],
    ])
      expect((await give<ErrorJson>(place, 2, ...args)).error.code).toBe('USAGE_INVALID');
    expect((await give<ErrorJson>(place, 1, '--format', 'odysseus-json')).error.code).toBe('PATH_NOT_FOUND');
    expect((await give<ErrorJson>(place, 1, '--format', 'chaos-cypher')).error.code).toBe('PATH_NOT_FOUND');
    const inside = join(place.repository, 'out');
    await place.nbak(2, 'export', 'latest', inside, '--format', 'v1');
  });
});
