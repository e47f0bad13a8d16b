/** `nbak guard` as a start script meets it. */

import { readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { declareCommands } from '#nbak/cli/commands/index.js';
import { grammarOf } from '#nbak/cli/completion/grammar.js';
import { GUARD_OPTIONS } from '#nbak/cli/guard/unchanged.js';
import { addGlobalOptions } from '#nbak/cli/options.js';
import { makePlace, parseLine, writeTree, type Json, type Outcome, type Place } from '../support/cli.js';

interface Scene extends Place {
  /** Runs guard for the source. */
  readonly guard: (version: string, ...flags: readonly string[]) => Promise<Outcome>;
  readonly backups: () => Promise<readonly Json[]>;
}

async function makeScene(): Promise<Scene> {
  const place = await makePlace();
  writeTree(place.source, { 'app.json': '{}' });
  const env = {
    NBAK_REPOSITORY: place.repository,
    NBAK_VAULT_KEY: place.key,
    NBAK_STATE_DIR: place.path('state'),
  };
  return Object.assign(place, {
    guard: (version: string, ...flags: readonly string[]) =>
      place.run(['guard', place.source, '--app-version', version, ...flags], { env }),
    backups: async () => (await place.json<{ readonly backups: readonly Json[] }>(0, 'list')).backups,
  });
}

describe('nbak guard', () => {
  it('records at the first run, does nothing while the version stays, and backs up marked before another', async () => {
    const { guard, backups } = await makeScene();
    expect(parseLine(await guard('1.0.0', '--json'))).toEqual({
      action: 'recorded',
      appVersion: '1.0.0',
      lastVersion: null,
    });
    expect(await guard('1.0.0')).toEqual({ exit: 0, stdout: '', stderr: '' });
    expect(parseLine(await guard('1.0.0', '--json'))).toEqual({
      action: 'none',
      appVersion: '1.0.0',
      lastVersion: '1.0.0',
    });
    expect(await backups()).toEqual([]);

    const update = await guard('1.1.0', '--json');
    expect(update.exit).toBe(0);
    const document = parseLine(update);
    expect(document).toMatchObject({
      action: 'backup',
      appVersion: '1.1.0',
      lastVersion: '1.0.0',
      filesTotal: 1,
    });
    expect(await backups()).toMatchObject([
      { id: document['id'], purpose: 'update', tags: ['before-1.1.0'] },
    ]);
    // Going back is a change as well.
    expect(await guard('1.1.0')).toMatchObject({ exit: 0, stdout: '' });
    expect((await guard('1.0.0')).stderr).toContain('version 1.1.0 → 1.0.0: backing up first');
    expect(await backups()).toHaveLength(2);
  });

  it('fails where the backup fails, and tries again at the next start', async () => {
    const scene = await makeScene();
    const { guard, backups } = scene;
    await guard('1.0.0');
    const told = scene.path('told');
    const failed = await guard(
      '2.0.0',
      '--vault-key-file',
      scene.path('absent'),
      '--on-failure',
      `echo $NBAK_ERROR_CODE > ${told}`,
    );
    expect(failed.exit).toBe(12);
    expect(readFileSync(told, 'utf8')).toBe('KEY_MISSING\n');
    expect(await guard('2.0.0')).toMatchObject({ exit: 0 });
    expect(await backups()).toHaveLength(1);
    expect(await guard('2.0.0')).toMatchObject({ exit: 0, stdout: '' });
  });

  it('takes an incomplete backup as done and says so with exit code 3', async () => {
    const { guard, source } = await makeScene();
    await guard('1.0.0');
    // A database that was cut off.
    const database = new Database(join(source, 'app.db'));
    database.exec('CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(20000))');
    database.close();
    truncateSync(join(source, 'app.db'), 10_000);
    expect((await guard('2.0.0')).exit).toBe(3);
    expect((await guard('2.0.0')).exit).toBe(0);
  });

  it('knows one source by whatever name, and keeps sources and repositories apart', async () => {
    const scene = await makeScene();
    const { source, key, repository } = scene;
    const path = (name: string): string => scene.path(name);
    await scene.guard('1.0.0');
    symlinkSync(source, path('link'));
    const through = (from: string, to: string): Promise<Outcome> =>
      scene.run(['guard', from, '--app-version=1.0.0', '--json', '-r', to, '--state-dir', path('state')], {
        env: { NBAK_VAULT_KEY: key },
      });
    expect(parseLine(await through(path('link'), repository))).toMatchObject({ action: 'none' });
    expect(parseLine(await through(path('link'), path('other')))).toMatchObject({ action: 'recorded' });
    expect(parseLine(await through(path('tmp'), repository))).toMatchObject({ action: 'recorded' });
    expect(readdirSync(path('state/guard'))).toHaveLength(3);
  });

  it('backs up rather than not where the record is damaged', async () => {
    const scene = await makeScene();
    const { guard, backups } = scene;
    await guard('1.0.0');
    const [name = ''] = readdirSync(scene.path('state/guard'));
    const record = scene.path(`state/guard/${name}`);
    writeFileSync(record, '');
    expect((await guard('1.0.0')).exit).toBe(0);
    expect(await backups()).toHaveLength(1);
    expect(readFileSync(record, 'utf8')).toBe('1.0.0\n');
  });

  it('refuses what it cannot guard by, before anything is written', async () => {
    const scene = await makeScene();
    const { guard, source, key, repository } = scene;
    expect((await guard('')).exit).toBe(2);
    expect((await guard('1\n2')).exit).toBe(2);
    const given = { env: { NBAK_VAULT_KEY: key, NBAK_REPOSITORY: repository } };
    expect((await scene.run(['guard', source], given)).stderr).toContain('--app-version');
    const absent = await scene.run(['guard', scene.path('absent'), '--app-version', '1', '--json'], given);
    expect(parseLine(absent)).toMatchObject({ error: { code: 'SOURCE_NOT_FOUND' } });
    writeFileSync(scene.path('state'), 'no directory');
    expect(parseLine(await guard('1', '--json'))).toMatchObject({ error: { code: 'STATE_FAILED' } });
  });

  it('knows on its short way every option that it has, and no other', () => {
    const program = addGlobalOptions(new Command('nbak'));
    declareCommands(program, () => undefined);
    const grammar = grammarOf(program).find(({ path }) => path.join(' ') === 'guard');
    const declared = grammar?.options.flatMap(({ flags, value }) =>
      flags
        .filter((flag) => flag.startsWith('--'))
        .map((flag) => [flag.slice(2), value ? 'string' : 'boolean']),
    );
    const known = Object.entries(GUARD_OPTIONS).map(([name, { type }]) => [name, type]);
    expect(known.sort()).toEqual(declared?.filter(([name]) => name !== 'help').sort());
  });
});
