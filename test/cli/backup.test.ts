/** What a backup takes, what it leaves out, and what it says about that. */

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  makePlace,
  parseLine,
  writeTree,
  type BackupJson,
  type ErrorJson,
  type Json,
  type Place,
} from '../support/cli.js';
import { objectsOf } from '../support/damage.js';
import { copyProgram, isRoot, NOBODY, type ProgramCopy } from '../support/program-copy.js';
import { chownTree, describeTree } from '../support/tree.js';

/** Paths of the newest backup. */
async function pathsOf(place: Place): Promise<string[]> {
  const { entries } = await place.json<{ entries: readonly { path: string }[] }>(0, 'ls', 'latest');
  return entries.map(({ path }) => path);
}

describe('what a backup takes', () => {
  it('leaves out what gitignore patterns match, the command line having the last word', async () => {
    const place = await makePlace();
    writeTree(place.source, {
      'models/big.bin': 'm',
      'models-kept': 'k',
      'a.log': 'l',
      'deep/b.log': 'l',
      'deep/keep.log': 'k',
      'deep/models': 'a file of that name',
      'top-only': 't',
      'deep/top-only': 't',
    });
    const rules = place.path('rules');
    writeFileSync(rules, '# a comment\n\n*.log\n/top-only\r\n');
    await place.backup('--exclude-file', rules, '--exclude', 'models/', '--exclude', '!keep.log');
    expect(await pathsOf(place)).toEqual([
      '.',
      'deep',
      'deep/keep.log',
      'deep/models',
      'deep/top-only',
      'models-kept',
    ]);
    const shown = await place.json<{ scope: { exclude: readonly string[] } }>(0, 'show', 'latest');
    expect(shown.scope.exclude).toEqual(['*.log', '/top-only', 'models/', '!keep.log']);
  });

  it('leaves out directories that say they are caches, when asked to', async () => {
    const place = await makePlace();
    writeTree(place.source, {
      'cache/CACHEDIR.TAG': 'Signature: 8a477f597d28d172789f06886806bc55\n',
      'cache/data': 'c',
      'false/CACHEDIR.TAG': 'no signature',
      'false/data': 'd',
    });
    await place.backup();
    expect(await pathsOf(place)).toContain('cache/data');
    await place.backup('--exclude-caches');
    const paths = await pathsOf(place);
    expect(paths).not.toContain('cache/data');
    expect(paths).toContain('false/data');
  });

  it('stays on one filesystem, when asked to', async (test) => {
    const place = await makePlace();
    const mount = join(place.source, 'mount');
    mkdirSync(mount);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', mount], { stdio: 'pipe' });
    } catch {
      test.skip(true, 'no file system can be mounted here');
    }
    onTestFinished(() => void execFileSync('umount', [mount]));
    writeTree(mount, { there: 't' });
    await place.backup();
    expect(await pathsOf(place)).toContain('mount/there');
    await place.backup('--one-file-system');
    expect(await pathsOf(place)).not.toContain('mount/there');
  });

  it('never takes the repository and the cache into itself, also when they are reached by a link', async () => {
    const place = await makePlace({ init: false });
    writeTree(place.source, { a: 'a', 'state/b': 'b' });
    const inside = join(place.source, 'state/backups');
    symlinkSync(inside, place.path('link'));
    const env = {
      NBAK_REPOSITORY: place.path('link'),
      NBAK_VAULT_KEY: place.key,
      NBAK_CACHE_DIR: join(place.source, 'cache'),
    };
    expect(await place.run(['init', '-r', inside], { env })).toMatchObject({ exit: 0 });
    for (let i = 0; i < 2; i += 1)
      expect(await place.run(['backup', place.source], { env })).toMatchObject({ exit: 0 });
    const ls = parseLine<{ entries: readonly { path: string }[] }>(
      await place.run(['ls', 'latest', '--json'], { env }),
    );
    expect(ls.entries.map(({ path }) => path)).toEqual(['.', 'a', 'state', 'state/b']);
  });

  it('keeps tags and host, and names them', async () => {
    const place = await makePlace();
    writeTree(place.source, { a: 'a' });
    await place.backup('--tag', 'b', '--tag', 'a', '--tag', 'b', '--host', 'elsewhere');
    const { backups } = await place.json<{ backups: readonly Json[] }>(0, 'list');
    expect(backups).toMatchObject([{ host: 'elsewhere', tags: ['a', 'b'] }]);
    expect((await place.nbak(0, 'list')).stdout).toMatch(/elsewhere .*\[a, b\]/);
  });

  it('with --dry-run tells what it would do and changes nothing', async () => {
    const place = await makePlace();
    writeTree(place.source, { a: 'a', 'skip/b': 'b' });
    const before = describeTree(place.repository);
    const plan = await place.json(0, 'backup', place.source, '--dry-run', '--exclude', 'skip/');
    expect(plan).toMatchObject({ dryRun: true, filesTotal: 1, bytesTotal: 1, filesToRead: 1 });
    expect(describeTree(place.repository)).toEqual(before);
    expect((await place.nbak(0, 'backup', place.source, '--dry-run')).stdout).toContain(
      'would back up 2 files',
    );
  });

  it('takes a single file as a source, and refuses one that does not exist before it writes', async () => {
    const place = await makePlace();
    writeTree(place.source, { a: 'alone', b: 'b' });
    await place.nbak(0, 'backup', join(place.source, 'a'));
    const target = place.path('out');
    await place.nbak(0, 'restore', 'latest', '--target', target);
    expect(describeTree(target).filter((line) => line.includes('"a"'))).toHaveLength(1);
    const manifests = objectsOf(place.repository, 'manifests/');
    const { error } = await place.json<ErrorJson>(1, 'backup', place.source, place.path('absent'));
    expect(error.code).toBe('SOURCE_NOT_FOUND');
    expect(objectsOf(place.repository, 'manifests/')).toEqual(manifests);
  });

  it('reads only what changed, and notices a change that keeps size and time', async () => {
    const place = await makePlace();
    const names = Array.from({ length: 50 }, (_, i) => `file-${String(i)}`);
    writeTree(place.source, Object.fromEntries(names.map((name) => [name, name.repeat(100)])));
    // Files are trusted to be unchanged once they are older than 2 s.
    execFileSync('sleep', ['2.1']);
    await place.backup();
    const again = await place.backup();
    expect(again).toMatchObject({ filesTotal: 50, filesUnchanged: 50, bytesRead: 0 });
    writeFileSync(join(place.source, 'file-7'), 'FILE-7'.repeat(100));
    execFileSync('touch', ['-d', '2020-01-01', join(place.source, 'file-7')]);
    const third = await place.backup();
    expect(third.bytesRead).toBeGreaterThan(0);
    const { target } = await place.restore(0);
    expect(describeTree(target)).toEqual(describeTree(place.source));
  });
});

describe.runIf(isRoot)('as another user (uid 65534)', () => {
  let copy: ProgramCopy;
  beforeAll(() => {
    copy = copyProgram();
  });
  afterAll(() => copy[Symbol.dispose]());

  it('lists what it may not read, backs the rest up and exits 3', async () => {
    const place = await makePlace();
    writeTree(place.source, { open: 'o', secret: 's', 'closed/inside': 'i' });
    chmodSync(join(place.source, 'secret'), 0o600);
    chmodSync(join(place.source, 'closed'), 0o700);
    for (const path of [place.repository, place.temporary]) chownTree(path, NOBODY);
    mkdirSync(place.cache);
    chownTree(place.cache, NOBODY);
    const options = {
      uid: NOBODY,
      program: copy.program,
      env: { NBAK_REPOSITORY: place.repository, NBAK_VAULT_KEY: place.key },
    };
    const result = parseLine<BackupJson>(
      await expectExit(3, place.run(['backup', place.source, '--json'], options)),
    );
    expect(result.unreadable.map(({ path, code }) => [path, code]).sort()).toEqual([
      ['source/closed', 'SOURCE_UNREADABLE'],
      ['source/secret', 'SOURCE_UNREADABLE'],
    ]);
    expect(result.filesTotal).toBe(1);
    const text = await expectExit(3, place.run(['backup', place.source], options));
    expect(text.stderr).toContain('SOURCE_UNREADABLE source/secret');
    expect(text.stderr).toContain('incomplete');
    const shown = parseLine<{ unreadable: readonly Json[] }>(
      await expectExit(0, place.run(['show', 'latest', '--json'], options)),
    );
    expect(shown.unreadable).toHaveLength(2);
    await place.verify(0);
    // Restored by root, the owners are those of the source.
    const { target } = await place.restore(0);
    expect(describeTree(target)).toContain(
      describeTree(place.source).find((line) => line.startsWith('"open"')),
    );
  });

  it('lists, verifies and restores from a repository that it may only read, and is refused in one line a backup', async () => {
    const place = await makePlace();
    writeTree(place.source, { a: 'a' });
    chownTree(place.source, NOBODY);
    await place.backup();
    execFileSync('chmod', ['-R', 'a+rX,a-w', place.repository]);
    const out = place.path('out');
    mkdirSync(out);
    for (const path of [out, place.temporary]) chownTree(path, NOBODY);
    const before = describeTree(place.repository);
    const env = {
      NBAK_REPOSITORY: place.repository,
      NBAK_VAULT_KEY: place.key,
      NBAK_CACHE_DIR: join(out, 'cache'),
    };
    const options = { uid: NOBODY, program: copy.program, env };
    const list = await expectExit(0, place.run(['list', '--json'], options));
    expect(parseLine<{ backups: readonly Json[] }>(list).backups).toHaveLength(1);
    await expectExit(0, place.run(['verify', '--public-key', await place.publicKey()], options));
    await expectExit(0, place.run(['verify', '--decrypt'], options));
    const target = join(out, 'restored');
    await expectExit(0, place.run(['restore', 'latest', '--target', target], options));
    expect(describeTree(target)).toEqual(describeTree(place.source));
    const backup = await expectExit(1, place.run(['backup', place.source], options));
    expect(backup.stderr).toMatch(/^nbak: [^\n]+ \[STORAGE_DENIED\]\n( {6}[^\n]+\n)?$/);
    // A cache that cannot be used costs time, and nothing else.
    const noCache = { ...options, env: { ...env, NBAK_CACHE_DIR: join(place.source, '../unwritable') } };
    const slow = await expectExit(0, place.run(['cat', 'latest', 'a'], noCache));
    expect(slow.stdout).toBe('a');
    expect(slow.stderr).toContain('going on without');
    expect(describeTree(place.repository)).toEqual(before);
  });
});

async function expectExit<T extends { readonly exit: number }>(exit: number, run: Promise<T>): Promise<T> {
  const outcome = await run;
  expect(outcome).toMatchObject({ exit });
  return outcome;
}
