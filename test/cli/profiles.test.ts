/** Profiles: what nbak knows of an application's directory, what it does with that, and what it says. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makePlace, writeTree, type BackupJson, type ErrorJson, type Place } from '../support/cli.js';
import { makeDatabase, setCounter } from '../support/state-directory.js';

/** What `backup --json` says of profiles. */
interface ProfiledJson extends BackupJson {
  readonly profile: string;
  readonly outside: readonly string[];
  readonly leftOut: readonly { readonly path: string; readonly why: string }[];
  readonly running: readonly { readonly profile: string; readonly pid: number }[];
}

/** Every file that a restore of the newest backup writes. */
async function restored(place: Place): Promise<readonly string[]> {
  const { target } = await place.restore(0);
  return filesIn(target);
}

function filesIn(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}

function writeNodyn(directory: string): void {
  makeDatabase(join(directory, 'history.db'), 'wal', 1);
  makeDatabase(join(directory, 'vault.db'), 'wal', 1);
  writeTree(directory, {
    'config.json': '{}',
    'memory/user/facts.txt': 'a',
    'backups/2026-03-25T03000012Z/manifest.json': '{}',
    'plugins/p/index.js': '',
    '.cache-salt': 'salt',
    'somebody-added-this.json': '{}',
  });
}

describe('nbak backup --profile auto', () => {
  it('knows nodyn by what lies there, leaves out its backups and caches, and keeps what nobody declared', async () => {
    const place = await makePlace();
    writeNodyn(place.source);
    const result = await place.json<ProfiledJson>(0, 'backup', place.source);
    expect(result).toMatchObject({ profile: 'nodyn', outside: [], leftOut: [], running: [] });
    expect(await restored(place)).toEqual([
      'config.json',
      'history.db',
      'memory/user/facts.txt',
      'somebody-added-this.json',
      'vault.db',
    ]);
    const shown = await place.json<{ profile: string; scope: { exclude: readonly string[] } }>(
      0,
      'show',
      'latest',
    );
    expect(shown.profile).toBe('nodyn');
    expect(shown.scope.exclude).toContain('/backups/');
  });

  it('does with a directory that it does not know what it did without profiles', async () => {
    const place = await makePlace();
    writeTree(place.source, { 'backups/a': 'a', 'settings.json': '{}', 'vault.key': place.key });
    expect(await place.json<ProfiledJson>(0, 'backup', place.source)).toMatchObject({
      profile: 'generic',
      leftOut: [],
    });
    expect(await restored(place)).toEqual(['backups/a', 'settings.json', 'vault.key']);
    const shown = await place.json<{ scope: { exclude: readonly string[] } }>(0, 'show', 'latest');
    expect(shown.scope.exclude).toEqual([]);
  });

  it('holds the rules of an application to its own directory, also where a restore goes over another one', async () => {
    const place = await makePlace();
    const documents = place.path('documents');
    writeNodyn(place.source);
    writeTree(documents, { 'backups/mine': 'kept', 'plugins/mine': 'kept' });
    const { profile } = await place.json<ProfiledJson>(0, 'backup', place.source, documents);
    expect(profile).toBe('nodyn');
    expect((await restored(place)).filter((name) => name.startsWith('documents/'))).toEqual([
      'documents/backups/mine',
      'documents/plugins/mine',
    ]);
    writeTree(documents, { 'backups/mine': 'changed' });
    writeTree(place.source, { 'backups/other': 'stays' });
    await place.nbak(0, 'restore', 'latest', '--in-place', documents, '--path', place.source);
    expect(readFileSync(join(documents, 'backups/mine'), 'utf8')).toBe('kept');
    await place.nbak(0, 'restore', 'latest', '--in-place', place.source, '--path', documents);
    expect(readFileSync(join(place.source, 'backups/other'), 'utf8')).toBe('stays');
  });

  it('lets --exclude have the last word over the profile', async () => {
    const place = await makePlace();
    writeNodyn(place.source);
    await place.json(0, 'backup', place.source, '--exclude', '!/plugins/', '--exclude', '/config.json');
    const files = await restored(place);
    expect(files).toContain('plugins/p/index.js');
    expect(files).not.toContain('config.json');
  });
});

describe('A file that holds the vault key in use', () => {
  it.each([
    ['vault.key', (key: string) => `${key}\n`],
    ['.env', (key: string) => `PORT=1\nexport LYNOX_VAULT_KEY="${key}"\n`],
    ['vault.key.bak', (key: string) => key],
  ])('N-21: stays out and is named: %s', async (name, content) => {
    const place = await makePlace();
    writeNodyn(place.source);
    writeFileSync(join(place.source, name), content(place.key));
    const { leftOut } = await place.json<ProfiledJson>(0, 'backup', place.source);
    expect(leftOut.map(({ path }) => path)).toEqual([join(place.source, name)]);
    expect(await restored(place)).not.toContain(name);
  });

  it('is another one than a key of the application, which travels sealed', async () => {
    const place = await makePlace();
    writeNodyn(place.source);
    writeFileSync(join(place.source, 'vault.key'), 'b'.repeat(64));
    const { leftOut } = await place.json<ProfiledJson>(0, 'backup', place.source);
    expect(leftOut).toEqual([]);
    expect(await restored(place)).toContain('vault.key');
  });
});

describe('nbak backup without SOURCE', () => {
  it('takes an application’s state from where its variable says, or from its usual place', async () => {
    const place = await makePlace();
    writeNodyn(place.source);
    const env = { NBAK_REPOSITORY: place.repository, NBAK_VAULT_KEY: place.key };
    const args = ['backup', '--profile', 'nodyn', '--json'];
    const nowhere = await place.run(args, { env });
    expect(nowhere).toMatchObject({ exit: 2 });
    expect((JSON.parse(nowhere.stdout) as ErrorJson).error.code).toBe('USAGE_INVALID');
    const found = await place.run(args, { env: { ...env, LYNOX_DATA_DIR: place.source } });
    expect(found).toMatchObject({ exit: 0 });
    const shown = await place.json<{ roots: readonly { path: string }[] }>(0, 'show', 'latest');
    expect(shown.roots.map(({ path }) => path)).toEqual([place.source]);
    mkdirSync(place.path('home/.nodyn'));
    writeNodyn(place.path('home/.nodyn'));
    const { profiles } = await place.json<{ profiles: readonly { name: string; directories: string[] }[] }>(
      0,
      'profiles',
    );
    expect(profiles.map(({ name }) => name)).toEqual([
      'nodyn',
      'chaos-cypher',
      'odysseus',
      'omicos',
      'generic',
    ]);
    expect(profiles[0]?.directories).toEqual([place.path('home/.nodyn')]);
  });

  it('refuses a profile that there is not, and names those that there are', async () => {
    const place = await makePlace();
    const { error } = await place.json<ErrorJson>(2, 'backup', '--profile', 'nodin', place.source);
    expect(error).toMatchObject({
      code: 'USAGE_INVALID',
      details: { profiles: expect.arrayContaining(['nodyn']) as unknown },
    });
  });
});

describe('nbak profiles show', () => {
  it('says of a directory what is captured, secret and left out, each with its reason, and agrees with the backup', async () => {
    const place = await makePlace();
    writeNodyn(place.source);
    setCounter(join(place.source, 'history.db'), 2);
    writeFileSync(join(place.source, 'vault.key'), place.key);
    const report = await place.json<{
      profile: string;
      captured: readonly { path: string; kind: string; files: number }[];
      secret: readonly { path: string; why: string }[];
      leftOut: readonly { path: string; why: string }[];
    }>(0, 'profiles', 'show', 'auto', place.source);
    expect(report.profile).toBe('nodyn');
    expect(report.captured.map(({ path, kind }) => `${kind} ${path}`)).toEqual([
      'file config.json',
      'database history.db',
      'directory memory/',
      'file somebody-added-this.json',
      'database vault.db',
    ]);
    expect(report.secret.map(({ path }) => path)).toEqual(['config.json', 'vault.db']);
    expect(report.leftOut.map(({ path }) => path)).toEqual([
      '.cache-salt',
      'backups/',
      'plugins/',
      'vault.key',
    ]);
    for (const { why } of [...report.secret, ...report.leftOut]) expect(why).toMatch(/\w+ \w+/);
    const { filesTotal } = await place.json<ProfiledJson>(0, 'backup', place.source);
    expect(report.captured.reduce((sum, { files }) => sum + files, 0)).toBe(filesTotal);
  });

  it('without a directory gives what the profile states', async () => {
    const place = await makePlace({ init: false });
    const profile = await place.json<{ name: string; rules: readonly { why: string }[] }>(
      0,
      'profiles',
      'show',
      'nodyn',
    );
    expect(profile.name).toBe('nodyn');
    expect(profile.rules.length).toBeGreaterThan(5);
    await place.json(2, 'profiles', 'show', 'auto');
    await place.json(1, 'profiles', 'show', 'nodyn', place.path('not-there'));
  });
});
