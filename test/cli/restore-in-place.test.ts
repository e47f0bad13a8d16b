/** Restoring over a directory: what is replaced, what stays, what is kept, and when it refuses. */

import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startWriter } from '../capture/support/processes.js';
import {
  makePlace,
  parseLine,
  writeTree,
  type BackupJson,
  type ErrorJson,
  type Place,
  type RestoreJson,
} from '../support/cli.js';
import { flipBit, packsOf } from '../support/damage.js';
import {
  counterOf,
  describeState,
  LEAVING_OUT,
  writeFirstState,
  writeSecondState,
} from '../support/state-directory.js';
import { copyProgram } from '../support/program-copy.js';
import { isRoot, NOBODY } from '../support/storage-process.js';
import { chownTree, describeTree, randomLike } from '../support/tree.js';

/** What `restore --in-place --json` prints, as far as tests look. */
interface OverJson extends RestoreJson {
  readonly swapped: boolean;
  readonly replaced: number;
  readonly added: number;
  readonly removed: number;
  readonly moved: readonly string[];
  readonly safetyBackup: string | null;
}

interface Scene {
  readonly place: Place;
  readonly state: string;
  readonly backup: string;
  readonly first: readonly string[];
  readonly second: readonly string[];
  restore(exit: number, ...flags: readonly string[]): Promise<OverJson>;
}

/** A state that is backed up, and another one in its place. */
async function changedSince(state?: string): Promise<Scene> {
  const place = await makePlace();
  const directory = state ?? place.source;
  writeFirstState(directory);
  const first = describeState(directory);
  const { id } = await place.json<{ id: string }>(0, 'backup', directory, ...LEAVING_OUT);
  writeSecondState(directory);
  return {
    place,
    state: directory,
    backup: id,
    first,
    second: describeState(directory),
    restore: (exit, ...flags) => place.json<OverJson>(exit, 'restore', id, '--in-place', directory, ...flags),
  };
}

/** The one place that holds what was moved away. */
function movedOf({ moved }: OverJson): string {
  expect(moved).toHaveLength(1);
  return moved[0] ?? '';
}

describe('restore --in-place', () => {
  it('brings the backed-up state back, keeps what was there beside it, and leaves alone what the scope leaves out', async () => {
    const scene = await changedSince();
    const { place, state } = scene;
    const result = await scene.restore(0);
    expect(describeState(state)).toEqual(scene.first);
    expect(result).toMatchObject({ swapped: true, failed: [] });
    // Out of scope: as it was a moment ago.
    expect(readFileSync(join(state, 'logs/app.log'), 'utf8')).toBe('first\nsecond\n');
    expect(readFileSync(join(state, 'logs/new.log'), 'utf8')).toBe('third');
    expect(readFileSync(join(state, 'vault.key'), 'utf8')).toBe('key two');
    expect(readdirSync(state)).not.toContain('.nbak-restore');
    expect(readdirSync(state).filter((name) => name.startsWith('NBAK'))).toEqual([]);
    const moved = movedOf(result);
    expect(moved).toMatch(/\/source\.pre-restore-\d{8}T\d{6}Z$/u);
    expect(statSync(moved).mode & 0o777).toBe(statSync(state).mode & 0o777);
    expect(readFileSync(join(moved, 'settings.json'), 'utf8')).toBe('{"n":2}');
    expect(readFileSync(join(moved, 'other/new'), 'utf8')).toBe('new');
    expect(counterOf(join(moved, 'wal.db'))).toBe(2);
    expect(existsSync(join(moved, 'vault.key'))).toBe(false);
    // The old state can be put back by hand, and from the safety backup.
    const { target } = await place.restore(0);
    expect(describeState(target)).toEqual(scene.first);
    const safety = place.path('safety');
    await place.nbak(0, 'restore', result.safetyBackup ?? '', '--target', safety);
    expect(describeState(safety)).toEqual(scene.second);
    const shown = await place.json(0, 'show', result.safetyBackup ?? '');
    expect(shown).toMatchObject({ purpose: 'safety', scope: { exclude: ['*.log', '/vault.key'] } });
  });

  it('makes no safety backup when told so, and the next restore keeps another old state', async () => {
    const scene = await changedSince();
    const first = await scene.restore(0, '--no-safety-backup');
    expect(first.safetyBackup).toBeNull();
    expect(await scene.place.verify(0)).toMatchObject({ backups: 1 });
    writeSecondState(scene.state);
    const second = await scene.restore(0, '--no-safety-backup');
    expect(movedOf(second)).not.toBe(movedOf(first));
    expect(describeState(scene.state)).toEqual(scene.first);
  });

  it('with --dry-run says what would become of each entry, and changes nothing', async () => {
    const scene = await changedSince();
    const before = describeTree(scene.state);
    const plan = await scene.place.json<Record<'replaced' | 'added' | 'removed', readonly string[]>>(
      0,
      'restore',
      scene.backup,
      '--in-place',
      scene.state,
      '--dry-run',
    );
    expect(plan.replaced).toEqual(
      expect.arrayContaining([
        'becomes',
        'data',
        'notes',
        'settings.json',
        'uploads',
        'wal.db',
        'logs/state',
      ]),
    );
    expect(plan.added).toEqual(['empty']);
    expect(plan.removed).toEqual(['other']);
    expect(describeTree(scene.state)).toEqual(before);
  });

  it('narrowed to a path or a pattern replaces that and nothing else', async () => {
    const scene = await changedSince();
    await scene.restore(0, 'notes');
    const partly = describeState(scene.state).filter((line) => !line.startsWith('"notes'));
    expect(partly.slice(1)).toEqual(scene.second.filter((line) => !line.startsWith('"notes')).slice(1));
    const notes = (lines: readonly string[]): readonly string[] =>
      lines.filter((line) => line.startsWith('"notes'));
    expect(notes(describeState(scene.state))).toEqual(notes(scene.first));
    writeTree(scene.state, { 'notes/x.md': 'x', 'notes/x.txt': 'x' });
    await scene.restore(0, '--include', '*.md');
    expect(readdirSync(join(scene.state, 'notes')).sort()).toEqual(['a.md', 'deep', 'x.txt']);
  });

  it('replaces one database by itself together with its log, whatever the scope says of the log', async () => {
    const place = await makePlace();
    writeFirstState(place.source);
    const { id } = await place.backup('--exclude', '*-wal', '--exclude', '*-shm');
    const writer = await startWriter('hold', join(place.source, 'held.db'));
    await writer.kill();
    const { id: held } = await place.backup('--exclude', '*-wal', '--exclude', '*-shm');
    const again = await startWriter('hold', join(place.source, 'held.db'));
    await again.kill();
    expect(readdirSync(place.source)).toContain('held.db-wal');
    const one = await place.json<OverJson>(0, 'restore', held, 'held.db', '--in-place', place.source);
    expect(readdirSync(place.source).filter((name) => name.startsWith('held'))).toEqual(['held.db']);
    expect(readdirSync(movedOf(one)).sort()).toEqual(['held.db', 'held.db-shm', 'held.db-wal']);
    // And where the backup has no such database, both go.
    const last = await startWriter('hold', join(place.source, 'held.db'));
    await last.kill();
    const all = await place.json<OverJson>(0, 'restore', id, '--in-place', place.source);
    expect(readdirSync(place.source).filter((name) => name.startsWith('held'))).toEqual([]);
    expect(readdirSync(movedOf(all))).toEqual(
      expect.arrayContaining(['held.db', 'held.db-shm', 'held.db-wal']),
    );
  });

  it('of a backup of one file replaces that file alone', async () => {
    const place = await makePlace();
    writeTree(place.source, { mine: 'one', other: 'other' });
    const { id } = await place.json<{ id: string }>(0, 'backup', join(place.source, 'mine'));
    writeTree(place.source, { mine: 'two', new: 'new' });
    await place.nbak(0, 'restore', id, '--in-place', place.source);
    expect(readdirSync(place.source).sort()).toEqual(['mine', 'new', 'other']);
    expect(readFileSync(join(place.source, 'mine'), 'utf8')).toBe('one');
  });

  it('of a backup of several roots takes the one that was backed up from there, or the one that is named', async () => {
    const place = await makePlace();
    const [a, b, c] = [place.path('a'), place.path('b'), place.path('c')];
    writeTree(a, { file: 'a' });
    writeTree(b, { file: 'b' });
    writeTree(c, { file: 'c' });
    const { id } = await place.json<{ id: string }>(0, 'backup', a, b);
    writeTree(a, { file: 'changed', new: 'new' });
    await place.nbak(0, 'restore', id, '--in-place', a);
    expect(readFileSync(join(a, 'file'), 'utf8')).toBe('a');
    expect(readdirSync(a)).toEqual(['file']);
    const { error } = await place.json<ErrorJson>(2, 'restore', id, '--in-place', c);
    expect(error).toMatchObject({ code: 'USAGE_INVALID', details: { roots: ['a', 'b'] } });
    await place.nbak(0, 'restore', id, '--in-place', c, '--root', 'b');
    expect(readFileSync(join(c, 'file'), 'utf8')).toBe('b');
  });

  it('never touches the repository and the cache inside the directory', async () => {
    const place = await makePlace({ init: false });
    writeTree(place.source, { file: 'one' });
    const inside = {
      ...place,
      repository: join(place.source, 'backups'),
      cache: join(place.source, 'cache'),
    };
    const run = async (...args: readonly string[]): Promise<void> => {
      const env = {
        NBAK_REPOSITORY: inside.repository,
        NBAK_VAULT_KEY: place.key,
        NBAK_CACHE_DIR: inside.cache,
      };
      expect(await place.run(args, { env })).toMatchObject({ exit: 0 });
    };
    await run('init');
    await run('backup', place.source);
    writeTree(place.source, { file: 'two' });
    await run('restore', 'latest', '--in-place', place.source);
    expect(readFileSync(join(place.source, 'file'), 'utf8')).toBe('one');
    await run('verify');
  });

  it('refuses where something that has to stay and an entry of the backup want one place', async () => {
    const place = await makePlace();
    writeTree(place.source, { thing: 'a file' });
    const { id } = await place.backup('--exclude', '*.log');
    rmSync(join(place.source, 'thing'));
    writeTree(place.source, { 'thing/app.log': 'to stay' });
    const before = describeTree(place.source);
    const { error } = await place.json<ErrorJson>(1, 'restore', id, '--in-place', place.source);
    expect(error).toMatchObject({ code: 'TARGET_CONFLICT', details: { paths: ['thing'] } });
    expect(describeTree(place.source)).toEqual(before);
    expect(await place.verify(0)).toMatchObject({ backups: 1 });
  });

  it('leaves in its place what the backup could not read', async () => {
    const place = await makePlace();
    const locked = join(place.source, 'locked.db');
    writeTree(place.source, { a: 'one' });
    const writer = await startWriter('lock', 'exclusive', locked);
    const { unreadable, id } = await place.json<BackupJson>(3, 'backup', place.source, '--lock-wait', '50ms');
    expect(unreadable).toMatchObject([{ code: 'DATABASE_LOCKED' }]);
    await writer.kill();
    writeTree(place.source, { a: 'two' });
    await place.nbak(0, 'restore', id, '--in-place', place.source);
    expect(readFileSync(join(place.source, 'a'), 'utf8')).toBe('one');
    expect(existsSync(locked)).toBe(true);
  });

  it('leaves everything what it was when a blob is damaged, and says what is wrong', async () => {
    const scene = await changedSince();
    for (const pack of packsOf(scene.place.repository)) flipBit(join(scene.place.repository, pack), 300);
    const before = describeTree(scene.state);
    const result = await scene.restore(20, '--no-safety-backup');
    expect(result.swapped).toBe(false);
    expect(result.failed.length).toBeGreaterThan(0);
    expect(describeTree(scene.state)).toEqual(before);
    expect(readdirSync(scene.place.directory).filter((name) => name.includes('pre-restore'))).toEqual([]);
  });

  it('says in plain words what is wrong with its arguments', async () => {
    const place = await makePlace();
    writeTree(place.source, { a: 'a' });
    const { id } = await place.backup();
    for (const [args, text] of [
      [['restore', id, '--in-place', place.source, '--target', place.path('out')], 'Only one of'],
      [['restore', id, '--in-place', place.source, '--overwrite', 'always'], '--overwrite goes with'],
      [['restore', id, '--target', place.path('out'), '--delete'], '--delete goes with'],
      [['restore', id, '--target', place.path('out'), '--no-safety-backup'], '--no-safety-backup goes'],
      [['restore', '--target', place.path('out')], 'BACKUP is missing'],
      [['restore', id, '--resume', place.source], '--resume takes no BACKUP'],
      [['restore', id], '--in-place DIR'],
      [['restore', id, '--in-place', place.repository], 'lies in the repository'],
    ] as const) {
      const { error } = await place.json<ErrorJson>(2, ...args);
      expect(error.message).toContain(text);
    }
    const { error } = await place.json<ErrorJson>(1, 'restore', id, '--in-place', place.path('absent'));
    expect(error.code).toBe('TARGET_FAILED');
    expect(await place.json(0, 'restore', '--resume', place.source)).toMatchObject({ outcome: 'nothing' });
  });
});

describe('restore --in-place that is interrupted', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'by %s while it stages leaves everything what it was',
    async (signal) => {
      const place = await makePlace();
      for (let i = 0; i < 12; i += 1) writeTree(place.source, { [String(i)]: randomLike(5_000_000, i) });
      const { id } = await place.backup();
      rmSync(join(place.source, '3'));
      const before = describeTree(place.source);
      const key = ['-r', place.repository, '--vault-key-file', place.keyFile];
      const run = place.start([
        'restore',
        id,
        '--in-place',
        place.source,
        '--no-safety-backup',
        '--json',
        ...key,
      ]);
      const hasBegun = (): boolean =>
        existsSync(join(place.source, '.nbak-restore')) &&
        (readdirSync(join(place.source, '.nbak-restore'), { recursive: true }) as string[]).some((name) =>
          name.endsWith('/new'),
        );
      while (!hasBegun() && run.child.exitCode === null) await sleep(1);
      run.child.kill(signal);
      const outcome = await run.ended;
      expect(outcome.exit).toBe(130);
      expect(parseLine<ErrorJson>(outcome).error.message).toContain('is what it was');
      expect(describeTree(place.source)).toEqual(before);
      expect(readdirSync(place.directory).filter((name) => name.includes('pre-restore'))).toEqual([]);
    },
  );

  it('is locked against another one over the same directory while it runs', async () => {
    const place = await makePlace();
    for (let i = 0; i < 12; i += 1) writeTree(place.source, { [String(i)]: randomLike(5_000_000, i) });
    const { id } = await place.backup();
    const args = ['restore', id, '--in-place', place.source, '--no-safety-backup', '--json'];
    const key = ['-r', place.repository, '--vault-key-file', place.keyFile];
    const run = place.start([...args, ...key]);
    const hasBegun = (): boolean => {
      const work = join(place.source, '.nbak-restore');
      return existsSync(work) && readdirSync(work).some((name) => name.startsWith('run-'));
    };
    while (!hasBegun() && run.child.exitCode === null) await sleep(1);
    // Held still, so that the other one surely comes in the middle.
    run.child.kill('SIGSTOP');
    const { error } = await place.json<ErrorJson>(11, ...args.slice(0, -1));
    expect(error).toMatchObject({ code: 'TARGET_IN_USE', details: { pid: run.child.pid } });
    expect(await place.json<ErrorJson>(11, 'restore', '--resume', place.source)).toMatchObject({
      error: { code: 'TARGET_IN_USE' },
    });
    run.child.kill('SIGCONT');
    expect(await run.ended).toMatchObject({ exit: 0 });
  });
});

describe.runIf(isRoot)('restore --in-place by a user who may not write beside the directory', () => {
  it('keeps what was there inside it', async () => {
    using copy = copyProgram();
    const place = await makePlace();
    writeFirstState(place.source);
    chownTree(place.source, NOBODY);
    const run = async (exit: number, ...args: readonly string[]): Promise<OverJson> => {
      const env = { NBAK_REPOSITORY: place.repository, NBAK_VAULT_KEY: place.key };
      const outcome = await place.run([...args, '--json'], { env, uid: NOBODY, program: copy.program });
      expect(outcome).toMatchObject({ exit });
      return parseLine<OverJson>(outcome);
    };
    for (const path of [place.repository, place.temporary]) chownTree(path, NOBODY);
    await run(0, 'backup', place.source);
    const first = describeState(place.source);
    writeSecondState(place.source);
    chownTree(place.source, NOBODY);
    const result = await run(0, 'restore', 'latest', '--in-place', place.source);
    expect(movedOf(result)).toContain(`${place.source}/.nbak-restore/pre-restore-`);
    const without = (lines: readonly string[]): readonly string[] =>
      lines.filter((line) => !line.startsWith('"" ') && !line.includes('logs'));
    expect(without(describeState(place.source))).toEqual(without(first));
  });
});

describe('restore --in-place while an application runs', () => {
  it.each(['hold', 'transfer'] as const)(
    'refuses when a process has a database open (%s), before anything is written, unless told not to care',
    async (mode) => {
      const scene = await changedSince();
      const database = join(scene.state, 'live.db');
      const writer = await startWriter(mode, ...(mode === 'hold' ? [database] : ['wal', database]));
      const { error } = await scene.place.json<ErrorJson>(
        11,
        'restore',
        scene.backup,
        '--in-place',
        scene.state,
      );
      expect(error.code).toBe('TARGET_IN_USE');
      expect(error.message).toContain(String(writer.child.pid));
      expect(existsSync(join(scene.state, '.nbak-restore'))).toBe(false);
      expect(await scene.place.verify(0)).toMatchObject({ backups: 1 });
      await scene.restore(0, '--even-if-running', '--no-safety-backup');
      expect(describeState(scene.state)).toEqual(scene.first);
    },
  );

  it.runIf(isRoot)(
    'sees a process that has a file open under another path, as in a container',
    async (test) => {
      const scene = await changedSince();
      const mounted = scene.place.path('mounted');
      mkdirSync(mounted);
      const script = `mount --bind '${scene.state}' '${mounted}' && exec 3< '${mounted}/settings.json' && echo ready && sleep 60`;
      const child = spawn('unshare', ['-m', 'sh', '-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
      onTestFinished(() => void child.kill('SIGKILL'));
      const isReady = await new Promise((resolve) => {
        child.stdout.once('data', () => resolve(true));
        child.once('exit', () => resolve(false));
      });
      test.skip(isReady !== true, 'no mount namespace can be made here');
      const { error } = await scene.place.json<ErrorJson>(
        11,
        'restore',
        scene.backup,
        '--in-place',
        scene.state,
      );
      expect(error.code).toBe('TARGET_IN_USE');
    },
  );
});

describe.runIf(isRoot)('restore --in-place and mount points', () => {
  /** A tmpfs, or undefined where none can be mounted. */
  function mounted(directory: string, size: string): boolean {
    mkdirSync(directory, { recursive: true });
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', directory], { stdio: 'pipe' });
    } catch {
      return false;
    }
    onTestFinished(() => void execFileSync('umount', [directory]));
    return true;
  }

  it('keeps what was there inside a directory that is itself a mount point, where the next backup does not see it', async (test) => {
    const place = await makePlace();
    test.skip(!mounted(place.source, '50m'), 'no file system can be mounted here');
    writeFirstState(place.source);
    const first = describeState(place.source);
    const { id } = await place.backup();
    writeSecondState(place.source);
    const result = await place.json<OverJson>(0, 'restore', id, '--in-place', place.source);
    expect(movedOf(result)).toContain(`${place.source}/.nbak-restore/pre-restore-`);
    expect(describeState(place.source).slice(1)).toEqual(first.slice(1));
    const { filesTotal } = await place.backup();
    const again = await place.json<OverJson>(
      0,
      'restore',
      id,
      '--in-place',
      place.source,
      '--no-safety-backup',
    );
    expect(again.files).toBe(filesTotal);
    expect(await place.json(0, 'restore', '--resume', place.source)).toMatchObject({ outcome: 'nothing' });
  });

  it('swaps what lies in a mount point below the directory one level down, and never moves the mount', async (test) => {
    const place = await makePlace();
    const uploads = join(place.source, 'data/uploads');
    test.skip(!mounted(uploads, '20m'), 'no file system can be mounted here');
    writeTree(place.source, {
      'data/a': 'a',
      'data/uploads/one': randomLike(90_000),
      'data/uploads/deep/x': 'x',
    });
    const first = describeTree(place.source);
    const { id } = await place.backup();
    writeTree(place.source, { 'data/a': 'changed', 'data/uploads/one': 'changed', 'data/uploads/two': '2' });
    rmSync(join(uploads, 'deep'), { recursive: true });
    const result = await place.json<OverJson>(0, 'restore', id, '--in-place', place.source);
    const without = (lines: readonly string[]): readonly string[] =>
      lines.filter((line) => !line.includes('.nbak-restore'));
    expect(without(describeTree(place.source))).toEqual(first);
    expect(readFileSync('/proc/self/mounts', 'utf8')).toContain(` ${realpathSync(uploads)} `);
    expect(result.moved).toHaveLength(2);
    const inside = result.moved.find((path) => path.startsWith(uploads)) ?? '';
    expect(readdirSync(inside).sort()).toEqual(['one', 'two']);
  });

  it('works on an overlay, whose directories cannot be renamed', async (test) => {
    const place = await makePlace();
    const [lower, upper, work] = ['lower', 'upper', 'work'].map((name) => place.path(`overlay-${name}`));
    for (const path of [lower, upper, work]) mkdirSync(path ?? '');
    writeFirstState(lower ?? '');
    const options = `lowerdir=${String(lower)},upperdir=${String(upper)},workdir=${String(work)}`;
    try {
      execFileSync('mount', ['-t', 'overlay', '-o', options, 'overlay', place.source], { stdio: 'pipe' });
    } catch {
      test.skip(true, 'no overlay can be mounted here');
    }
    onTestFinished(() => void execFileSync('umount', [place.source]));
    // The state lies below the mount, as it does in a container.
    const state = place.source;
    const first = describeState(state);
    const { id } = await place.backup();
    writeSecondState(state);
    // Nor could one give way to a file.
    expect((await place.json<ErrorJson>(1, 'restore', id, '--in-place', state)).error.code).toBe(
      'TARGET_CONFLICT',
    );
    rmSync(join(state, 'becomes'), { recursive: true });
    await place.nbak(0, 'restore', id, '--in-place', state);
    const lines = describeState(state).filter(
      (line) => !line.startsWith('"" ') && !line.startsWith('"other"'),
    );
    expect(lines).toEqual(first.filter((line) => !line.startsWith('"" ')));
    expect(existsSync(join(state, 'other/new'))).toBe(false);
  });

  it('refuses in front of too little space, before the safety backup, and with nothing changed', async (test) => {
    const place = await makePlace();
    test.skip(!mounted(place.source, '40m'), 'no file system can be mounted here');
    writeTree(place.source, { large: randomLike(20 * 1024 * 1024) });
    const { id } = await place.backup();
    writeFileSync(join(place.source, 'more'), randomLike(10 * 1024 * 1024, 2));
    const before = describeTree(place.source);
    const { error } = await place.json<ErrorJson>(1, 'restore', id, '--in-place', place.source);
    expect(error.code).toBe('SPACE_INSUFFICIENT');
    expect(describeTree(place.source)).toEqual(before);
    expect(await place.verify(0)).toMatchObject({ backups: 1 });
  });
});
