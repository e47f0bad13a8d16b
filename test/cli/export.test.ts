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
import { APPLICATION_KEY, give, type ExportJson } from '../support/export.js';
import { readV1Backup, type ReadBackup } from '../reference/v1.js';
import { makePlace, parseLine, writeTree, type ErrorJson, type Place } from '../support/cli.js';
import { describeTree, randomLike } from '../support/tree.js';

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

  it('leaves out a directory in the place of the manifest, and what is in it', async () => {
    const place = await makePlace();
    writeTree(place.source, { 'a.txt': 'a', 'manifest.json/inner': 'mine', 'manifest.jsonl': 'a' });
    await place.backup();
    const { left, path } = await give(place, 3, '--format', 'v1');
    expect(left).toEqual([
      expect.stringContaining('manifest.json: '),
      expect.stringContaining('manifest.json/inner: '),
    ]);
    expect(readDirectory(path).files.map((file) => file.path)).toEqual(['a.txt', 'manifest.jsonl']);
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
    expect(readFileSync(path).equals(readFileSync(join(place.source, 'databases/physics/app.db')))).toBe(
      true,
    );
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
    expect(readFileSync(again.path).equals(readFileSync(path))).toBe(true);
  });

  it('takes no older copy of the data directory for the knowledge base of that name', async () => {
    const place = await makePlace();
    for (const above of ['', 'old/']) {
      mkdirSync(join(place.source, `${above}databases/default`), { recursive: true });
      makeDatabase(join(place.source, `${above}databases/default/app.db`));
    }
    await place.backup();
    const copy = 'old/databases/default/app.db';
    const { error } = await give<ErrorJson>(place, 2, '--format', 'chaos-cypher');
    expect(error).toMatchObject({ code: 'USAGE_INVALID', details: { databases: ['default', copy] } });
    const { path } = await give(place, 0, '--format', 'chaos-cypher', '--database', 'default');
    expect(readFileSync(path).equals(readFileSync(join(place.source, 'databases/default/app.db')))).toBe(
      true,
    );
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
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(place.path('out'))).toEqual([basename(path)]);
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
