/** Each system's real directory under its profile: what is in a backup, what is not, and what a restore over it leaves. */

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { runWriter } from '../capture/support/processes.js';
import { makePlace, writeTree, type ErrorJson, type Place } from '../support/cli.js';
import { buildChaosCypher } from '../support/systems/chaos-cypher.js';
import { contentOf } from '../support/systems/databases.js';
import type { BuiltSystem } from '../support/systems/files.js';
import { buildLynox } from '../support/systems/lynox.js';
import { buildNodyn } from '../support/systems/nodyn.js';
import { buildOdysseus } from '../support/systems/odysseus.js';
import { buildOmicos } from '../support/systems/omicos.js';

interface ProfiledJson {
  readonly id: string;
  readonly filesTotal: number;
  readonly profile: string;
  readonly outside: readonly string[];
  readonly leftOut: readonly { readonly path: string }[];
  readonly tornLines: readonly { readonly path: string; readonly bytes: number }[];
  readonly running: readonly { readonly pid: number; readonly sign: string }[];
  readonly appKeys: readonly {
    readonly origin: { readonly at: string } | null;
    readonly opened: number;
    readonly failed: number;
  }[];
}

interface ReportJson {
  readonly captured: readonly { readonly files: number }[];
  readonly leftOut: readonly { readonly path: string }[];
  readonly appKeys: readonly string[];
}

interface OverJson {
  readonly swapped: boolean;
  readonly moved: readonly string[];
  readonly copies: readonly string[];
  readonly nextSteps: readonly string[];
}

const SYSTEMS = [
  ['nodyn', (root: string): BuiltSystem => buildNodyn(root), 'nodyn', 'history.db'],
  ['lynox', (root: string): BuiltSystem => buildLynox(root), 'nodyn', 'history.db'],
  [
    'Chaos Cypher',
    (root: string): BuiltSystem => buildChaosCypher(root),
    'chaos-cypher',
    'databases/default/app.db',
  ],
  ['Odysseus', (root: string): BuiltSystem => buildOdysseus(root), 'odysseus', 'app.db'],
] as const;

/** Files below a directory, sidecars of databases apart. */
function filesIn(directory: string): ReadonlySet<string> {
  const found = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1));
  return new Set(found);
}

function without(all: ReadonlySet<string>, wanted: readonly string[]): readonly string[] {
  return wanted.filter((path) => !all.has(path));
}

describe.each(SYSTEMS)('%s', (_, build, profile, database) => {
  it('is recognised; everything that a backup has to hold is in it, secrets too, and nothing that it may not', async () => {
    const place = await makePlace();
    const built = build(join(place.source, 'state'));
    const result = await place.json<ProfiledJson>(0, 'backup', built.root);
    expect(result.profile).toBe(profile);
    const { target } = await place.restore(0);
    const files = filesIn(target);
    expect(
      without(files, [...built.kept, ...built.secret, ...built.databases.map(({ path }) => path)]),
    ).toEqual([]);
    expect(built.never.filter((path) => files.has(path))).toEqual([]);
    for (const { path } of built.databases)
      expect(contentOf(join(target, path))).toEqual(contentOf(join(built.root, path)));
  });

  it('A17: comes back over itself as it was, whatever its databases’ logs held, and says what to do next', async () => {
    const place = await makePlace();
    const { root } = build(join(place.source, 'state'));
    const live = join(root, database);
    const added = join(dirname(live), 'state.db');
    runWriter('create', 'wal', added);
    const { id } = await place.json<ProfiledJson>(0, 'backup', root);
    const before = contentOf(added);
    const own = contentOf(live);
    runWriter('leave-wal', added);
    expect(existsSync(`${added}-wal`)).toBe(true);
    expect(contentOf(added)).not.toEqual(before);
    const over = await place.json<OverJson>(0, 'restore', id, '--in-place', root);
    expect(over.swapped).toBe(true);
    expect(existsSync(`${added}-wal`)).toBe(false);
    expect(contentOf(added)).toEqual(before);
    expect(contentOf(live)).toEqual(own);
    expect(over.nextSteps.length).toBeGreaterThan(0);
    const custom =
      profile === 'odysseus' ? /state\.before-restore-\d{8}-\d{6}$/ : /state\.pre-restore-\d{8}T\d{6}Z$/;
    expect(over.moved).toHaveLength(1);
    expect(over.moved[0]).toMatch(custom);
  });
});

describe('Chaos Cypher', () => {
  it('C-15: the queue is named where it holds tasks, and not where it holds none', async () => {
    const place = await makePlace();
    const { root } = buildChaosCypher(join(place.source, 'filled'), 'filled');
    expect((await place.json<ProfiledJson>(0, 'backup', root)).outside.join()).toMatch(/queue/);
    const drained = buildChaosCypher(join(place.source, 'drained'), 'drained');
    expect((await place.json<ProfiledJson>(0, 'backup', drained.root)).outside).toEqual([]);
    // Valkey rewrote its log: all that waits is in what the log begins with.
    writeTree(drained.root, {
      'queue/appendonlydir/appendonly.aof.2.base.rdb': 'REDIS0011'.padEnd(200, '*'),
    });
    expect((await place.json<ProfiledJson>(0, 'backup', drained.root)).outside.join()).toMatch(/base\.rdb/);
    const { nextSteps } = (await place.restore(0, '--path', root)).result as unknown as OverJson;
    expect(nextSteps.join()).toMatch(/chaoscypher upgrade/);
  });
});

describe('Chaos Cypher restored in place', () => {
  it('C-08: leaves each replaced app.db, with what its log held, as app.db.pre_restore, one generation', async () => {
    const place = await makePlace();
    const { root } = buildChaosCypher(place.source);
    const live = join(root, 'databases/research/app.db');
    const { id } = await place.json<ProfiledJson>(0, 'backup', root);
    const change = (name: string): void => {
      const database = new Database(live);
      database.exec(`CREATE TABLE ${name} (text); INSERT INTO ${name} VALUES ('kept')`);
      database.close();
    };
    for (const name of ['first', 'second']) {
      change(name);
      writeFileSync(`${live}.pre_restore-wal`, 'of another file');
      const replaced = contentOf(live);
      const { copies } = await place.json<OverJson>(0, 'restore', id, '--in-place', root);
      expect(copies).toContain(`${live}.pre_restore`);
      expect(contentOf(`${live}.pre_restore`)).toEqual(replaced);
      expect(contentOf(live).rows[name]).toBeUndefined();
      expect(existsSync(`${live}.pre_restore-wal`)).toBe(false);
    }
  });
});

describe('Odysseus', () => {
  async function withSettings(
    settings: (place: Place) => string,
  ): Promise<{ place: Place; result: ProfiledJson }> {
    const place = await makePlace();
    const { root } = buildOdysseus(join(place.source, 'data'));
    writeFileSync(join(place.source, '.env'), settings(place));
    return { place, result: await place.json<ProfiledJson>(0, 'backup', root) };
  }

  it('O-05: an SQLite file that DATABASE_URL names elsewhere is a second root of the backup', async () => {
    const { place } = await withSettings((where) => {
      mkdirSync(where.path('elsewhere'));
      runWriter('create', 'delete', where.path('elsewhere/moved.db'));
      return `DATABASE_URL=sqlite:///${where.path('elsewhere/moved.db')}\n`;
    });
    const shown = await place.json<{ roots: readonly { path: string }[] }>(0, 'show', 'latest');
    expect(shown.roots.map(({ path }) => path)).toEqual([
      join(place.source, 'data'),
      place.path('elsewhere/moved.db'),
    ]);
  });

  it.each(['../elsewhere/moved.db', 'beside.db', 'data/named otherwise [1].db'])(
    'O-05: tokens in a database that DATABASE_URL put at %s are counted like those at home',
    async (where) => {
      const place = await makePlace();
      const built = buildOdysseus(join(place.source, 'data'));
      const counted = ({ appKeys }: ProfiledJson) =>
        appKeys.reduce((sum, { opened, failed }) => [(sum[0] ?? 0) + opened, (sum[1] ?? 0) + failed], [0, 0]);
      const before = counted(await place.json<ProfiledJson>(0, 'backup', place.source));
      mkdirSync(place.path('elsewhere'));
      for (const suffix of ['', '-wal', '-shm'].filter((each) =>
        existsSync(join(built.root, `app.db${each}`)),
      ))
        renameSync(join(built.root, `app.db${suffix}`), join(place.source, where + suffix));
      writeFileSync(join(place.source, '.env'), `DATABASE_URL="sqlite:///./${where}"\n`);
      const after = counted(await place.json<ProfiledJson>(0, 'backup', place.source));
      expect(before[0]).toBeGreaterThan(10);
      expect(after).toEqual(before);
    },
  );

  it('O-05: a data directory that the .env of the named repository puts elsewhere is a root of the backup, with its rules', async () => {
    const place = await makePlace();
    writeTree(place.source, { 'app.py': 'print()' });
    const { root } = buildOdysseus(place.path('elsewhere/state'));
    writeTree(root, { 'tts_cache/a.mp3': 'derived' });
    mkdirSync(join(place.source, 'own'));
    runWriter('create', 'delete', join(place.source, 'own/moved.db'));
    writeFileSync(
      join(place.source, '.env'),
      'ODYSSEUS_DATA_DIR=../elsewhere/state\nDATABASE_URL=sqlite:///./own/moved.db\nCHROMADB_HOST=chroma\n',
    );
    const result = await place.json<ProfiledJson>(0, 'backup', place.source);
    expect(result.profile).toBe('odysseus');
    expect(result.outside.join()).toMatch(/CHROMADB_HOST is chroma/);
    expect(result.appKeys.map(({ origin }) => origin?.at)).toContain('state/.app_key');
    const shown = await place.json<{ roots: readonly { path: string }[] }>(0, 'show', 'latest');
    expect(shown.roots.map(({ path }) => path)).toEqual([place.source, root]);
    const report = await place.json<ReportJson>(0, 'profiles', 'show', 'auto', place.source);
    expect(report.captured.reduce((sum, { files }) => sum + files, 0)).toBe(result.filesTotal);
    expect(report.leftOut.map(({ path }) => path)).toContain(join(root, 'tts_cache/'));
    expect(report.appKeys).toEqual([join(root, '.app_key'), join(root, '.key')]);
    const names = filesIn((await place.restore(0)).target);
    expect(names).toContain('state/auth.json');
    expect(names).not.toContain('state/tts_cache/a.mp3');
  });

  it('O-05: a data directory that is not there, or not known, is named and never silent', async () => {
    const place = await makePlace();
    writeTree(place.source, { 'app.py': 'print()', '.env': 'ODYSSEUS_DATA_DIR=/app/no-such-data\n' });
    const absent = await place.json<ProfiledJson>(0, 'backup', place.source);
    expect(absent.outside).toEqual([
      'the state of odysseus: ODYSSEUS_DATA_DIR names /app/no-such-data, which is not on this machine',
    ]);
    writeTree(place.path('odd'), { 'notes.txt': '' });
    writeTree(place.source, { '.env': `ODYSSEUS_DATA_DIR=${place.path('odd')}\n` });
    const unknown = await place.json<ProfiledJson>(0, 'backup', place.source);
    expect(unknown.outside.join()).toMatch(/nothing that is known: name it as a SOURCE/);
  });

  it('O-06: a Chroma server and another database server are named, in the manifest too, without the password', async () => {
    const { place, result } = await withSettings(
      () =>
        'DATABASE_URL=postgresql+asyncpg://me:p/w@db.example:5432/ody?password=pw2\nCHROMADB_HOST=chroma\n',
    );
    expect(result.outside.join('\n')).toMatch(/postgresql at db\.example:5432\/ody/);
    expect(result.outside.join('\n')).toMatch(/CHROMADB_HOST is chroma/);
    expect(result.outside.join('\n')).not.toMatch(/p\/w|pw2|me:/);
    expect(await place.json(0, 'show', 'latest')).toMatchObject({ outside: result.outside });
  });
});

describe('omicos', () => {
  async function backUp(
    ...flags: readonly string[]
  ): Promise<{ built: ReturnType<typeof buildOmicos>; place: Place; result: ProfiledJson }> {
    const place = await makePlace();
    const built = buildOmicos(place.source);
    const roots = [built.global, ...built.workspaces].map((path) => join(built.root, path));
    return { built, place, result: await place.json<ProfiledJson>(0, 'backup', ...roots, ...flags) };
  }

  it('M-06: global directory and workspaces are in one backup, without pids, and without logins unless they are asked for', async () => {
    const { built, place, result } = await backUp();
    expect(result.profile).toBe('omicos');
    const onRequest = built.secret.filter((path) => !path.includes('/settings/'));
    expect(result.leftOut.length).toBeGreaterThan(0);
    const { target } = await place.restore(0);
    const names = [...filesIn(target)];
    for (const path of onRequest)
      expect(names.filter((name) => name.endsWith(`/${path.split('/.omicos/')[1] ?? path}`))).toEqual([]);
    expect(names.filter((name) => /serve\.pid|cloud-|tool_outputs/.test(name))).toEqual([]);
    const included = await place.json<ProfiledJson>(
      0,
      'backup',
      join(built.root, built.workspaces[0] ?? ''),
      '--include-secrets',
    );
    expect(included.leftOut).toEqual([]);
    const [workspace = ''] = built.workspaces;
    const all = filesIn((await place.restore(0, '--path', join(built.root, workspace))).target);
    const own = onRequest.flatMap((path) =>
      path.startsWith(workspace) ? [path.slice(workspace.length + 1)] : [],
    );
    expect(own.length).toBeGreaterThan(0);
    expect(without(all, own)).toEqual([]);
  });

  it('M-01: a torn last line of a log is dropped and named, whatever the log’s length, and whole ones come back', async () => {
    const place = await makePlace();
    const built = buildOmicos(place.source);
    const [workspace = ''] = built.workspaces;
    const root = join(built.root, workspace);
    const line = `{"text":"${'x'.repeat(1000)}"}\n`;
    const lengths = { small: 1, whole: 100, large: 3000 };
    for (const [name, count] of Object.entries(lengths))
      writeFileSync(join(root, `trajectories/${name}.jsonl`), `${line.repeat(count)}{"text":"x`);
    writeFileSync(join(root, 'trajectories/json.jsonl'), `${line}{"last":"without an end"}`);
    // So old that the second backup reads nothing again that it need not.
    await sleep(2100);
    const result = await place.json<ProfiledJson>(0, 'backup', root);
    expect(result.tornLines).toHaveLength(4);
    const { target } = await place.restore(0);
    for (const [name, count] of Object.entries(lengths))
      expect(readFileSync(join(target, `trajectories/${name}.jsonl`), 'utf8')).toBe(line.repeat(count));
    expect(readFileSync(join(target, 'trajectories/json.jsonl'), 'utf8')).toMatch(/without an end"}$/);
    expect(readFileSync(join(target, built.torn.path.slice(workspace.length + 1)), 'utf8')).toBe(
      built.torn.whole,
    );
    // The same again: what was cut is cut again, and named again.
    expect((await place.json<ProfiledJson>(0, 'backup', root)).tornLines).toEqual(result.tornLines);
    expect((await place.json<{ ok: boolean }>(0, 'verify', '--decrypt')).ok).toBe(true);
  });

  it('is noticed by its pid when it runs, and no restore goes over it; a killed daemon’s pid stops nobody', async () => {
    const place = await makePlace();
    const built = buildOmicos(place.source, { pid: process.pid });
    const root = join(built.root, built.workspaces[0] ?? '');
    const { id, running } = await place.json<ProfiledJson>(0, 'backup', root);
    expect(running).toMatchObject([{ pid: process.pid, sign: 'serve.pid' }]);
    const { error } = await place.json<ErrorJson>(11, 'restore', id, '--in-place', root);
    expect(error.code).toBe('TARGET_IN_USE');
    // Written before the process that has this number now was there.
    utimesSync(join(root, 'serve.pid'), 1_600_000_000, 1_600_000_000);
    await place.json<OverJson>(0, 'restore', id, '--in-place', root);
    expect(readFileSync(join(root, 'serve.pid'), 'utf8')).toMatch(`${process.pid}`);
  });
});
