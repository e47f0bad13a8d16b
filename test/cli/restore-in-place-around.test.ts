/** Restoring over a directory whose surroundings are not what one would wish: signals, other runs, applications, mounts. */

import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startWriter } from '../capture/support/processes.js';
import { halted, signalled } from '../support/caught-run.js';
import { makePlace, parseLine, writeTree, type ErrorJson } from '../support/cli.js';
import { describeState, writeFirstState, writeSecondState } from '../support/state-directory.js';
import { copyProgram } from '../support/program-copy.js';
import { isRoot, NOBODY } from '../support/storage-process.js';
import { chownTree, describeTree, randomLike } from '../support/tree.js';
import { changedSince, movedOf, type OverJson } from '../support/changed-place.js';

describe('restore --in-place that is interrupted', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'by %s while it stages leaves everything what it was',
    async (signal) => {
      const place = await makePlace();
      for (let i = 0; i < 12; i += 1) writeTree(place.source, { [String(i)]: randomLike(5_000_000, i) });
      const { id } = await place.backup();
      const args = ['restore', id, '--in-place', place.source, '--no-safety-backup', '--json'];
      const key = ['-r', place.repository, '--vault-key-file', place.keyFile];
      const movedAway = (): string[] =>
        readdirSync(place.directory).filter((name) => name.includes('pre-restore'));
      const hasBegun = (): boolean =>
        existsSync(join(place.source, '.nbak-restore')) &&
        (readdirSync(join(place.source, '.nbak-restore'), { recursive: true }) as string[]).some((name) =>
          name.endsWith('/new'),
        );
      let before: string[] = [];
      const outcome = await signalled(signal, () => {
        for (const name of movedAway()) rmSync(place.path(name), { recursive: true });
        rmSync(join(place.source, '3'));
        before = describeTree(place.source);
        return { run: place.start([...args, ...key]), isThere: hasBegun };
      });
      expect(outcome.exit).toBe(130);
      expect(parseLine<ErrorJson>(outcome).error.message).toContain('is what it was');
      expect(describeTree(place.source)).toEqual(before);
      expect(movedAway()).toEqual([]);
    },
  );

  it('is locked against another one over the same directory while it runs', async () => {
    const place = await makePlace();
    for (let i = 0; i < 12; i += 1) writeTree(place.source, { [String(i)]: randomLike(5_000_000, i) });
    const { id } = await place.backup();
    const args = ['restore', id, '--in-place', place.source, '--no-safety-backup', '--json'];
    const key = ['-r', place.repository, '--vault-key-file', place.keyFile];
    const hasBegun = (): boolean => {
      const work = join(place.source, '.nbak-restore');
      return existsSync(work) && readdirSync(work).some((name) => name.startsWith('run-'));
    };
    // Held still, so that the other one surely comes in the middle.
    const run = await halted(() => ({ run: place.start([...args, ...key]), isThere: hasBegun }));
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
