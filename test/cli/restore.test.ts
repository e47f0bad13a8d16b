/** Restoring: all of it or a part, into a directory that is new or empty, and what happens when blobs are damaged. */

import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { makePlace, writeTree, type ErrorJson, type Place } from '../support/cli.js';
import { flipBit, packsOf } from '../support/damage.js';
import { describeTree, randomLike } from '../support/tree.js';

const FILES = {
  'notes/a.md': 'a',
  'notes/deep/b.md': 'b',
  'notes/deep/c.txt': 'c',
  'uploads/photo.jpg': randomLike(50_000),
  top: 't',
};

async function backedUp(): Promise<Place> {
  const place = await makePlace();
  writeTree(place.source, FILES);
  await place.backup();
  return place;
}

/** Files below a directory. */
function filesOf(directory: string): string[] {
  return (
    readdirSync(directory, { recursive: true, withFileTypes: true }) as unknown as {
      name: string;
      parentPath: string;
      isFile(): boolean;
    }[]
  )
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(directory.length + 1))
    .sort();
}

describe('restore', () => {
  it.each([
    [['notes/deep'], ['notes/deep/b.md', 'notes/deep/c.txt']],
    [
      ['notes/deep/', './top'],
      ['notes/deep/b.md', 'notes/deep/c.txt', 'top'],
    ],
    [
      ['--include', '*.md'],
      ['notes/a.md', 'notes/deep/b.md'],
    ],
    [
      ['--include', 'deep/'],
      ['notes/deep/b.md', 'notes/deep/c.txt'],
    ],
    [
      ['--exclude', '*.md', '--exclude', 'uploads/'],
      ['notes/deep/c.txt', 'top'],
    ],
    [['notes', '--include', '*.md', '--exclude', 'deep'], ['notes/a.md']],
    [
      ['--include', '*', '--exclude', '/notes'],
      ['top', 'uploads/photo.jpg'],
    ],
  ] as const)('brings back with %j only %j, each with its directories', async (args, expected) => {
    const place = await backedUp();
    const { target, result } = await place.restore(0, ...args);
    expect(filesOf(target)).toEqual(expected);
    expect(result.files).toBe(expected.length);
    const whole = new Set(describeTree(place.source));
    expect(describeTree(target).filter((line) => !whole.has(line))).toEqual([]);
  });

  it('says so when the backup has no such path, and writes nothing', async () => {
    const place = await backedUp();
    const { error } = await place.json<ErrorJson>(
      1,
      'restore',
      'latest',
      '--target',
      place.path('out'),
      'no/such',
    );
    expect(error.code).toBe('PATH_NOT_FOUND');
    expect(existsSync(place.path('out'))).toBe(false);
  });

  it('puts one root directly into the target, and several into directories named after them', async () => {
    const place = await makePlace();
    const other = place.path('other/source');
    writeTree(place.source, { one: '1' });
    writeTree(other, { two: '2' });
    writeTree(place.path('third'), { three: '3' });
    const { id } = await place.json<{ id: string }>(0, 'backup', place.source, other, place.path('third'));
    const target = place.path('out');
    await place.nbak(0, 'restore', id, '--target', target);
    const names = readdirSync(target).sort();
    expect(names).toHaveLength(3);
    expect(names).toContain('third');
    const shown = await place.json<{ roots: readonly { name: string; path: string }[] }>(0, 'show', id);
    for (const { name, path } of shown.roots)
      expect(describeTree(join(target, name))).toEqual(describeTree(path));
    await place.nbak(0, 'restore', id, 'third/three', '--target', place.path('part'));
    expect(filesOf(place.path('part'))).toEqual(['third/three']);
    expect((await place.nbak(0, 'cat', id, 'third/three')).stdout).toBe('3');
  });

  it('takes an empty directory over, and leaves one that is not empty alone', async () => {
    const place = await backedUp();
    const [empty, full] = [place.path('empty'), place.path('full')];
    mkdirSync(empty);
    writeTree(full, { mine: 'mine' });
    await place.nbak(0, 'restore', 'latest', '--target', empty);
    expect(describeTree(empty)).toEqual(describeTree(place.source));
    const before = describeTree(full);
    const { error } = await place.json<ErrorJson>(1, 'restore', 'latest', '--target', full);
    expect(error.code).toBe('TARGET_NOT_EMPTY');
    expect(describeTree(full)).toEqual(before);
    const link = place.path('link');
    symlinkSync(full, link);
    expect((await place.json<ErrorJson>(1, 'restore', 'latest', '--target', link)).error.code).toMatch(
      /^TARGET_/,
    );
    expect(describeTree(full)).toEqual(before);
  });

  it('with --dry-run says what it would do and writes nothing', async () => {
    const place = await backedUp();
    const plan = await place.json(
      0,
      'restore',
      'latest',
      '--target',
      place.path('out'),
      '--dry-run',
      'notes',
    );
    expect(plan).toMatchObject({ dryRun: true, files: 3, bytes: 3 });
    const text = await place.nbak(0, 'restore', 'latest', '--target', place.path('out'), '--dry-run');
    expect(text.stdout).toContain('notes/deep/b.md');
    expect(existsSync(place.path('out'))).toBe(false);
  });

  it('refuses with the numbers, before it writes, when there is too little space', async (test) => {
    const place = await backedUp();
    const disk = place.path('disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk], { stdio: 'pipe' });
    } catch {
      test.skip(true, 'no file system can be mounted here');
    }
    onTestFinished(() => void execFileSync('umount', [disk]));
    const { error } = await place.json<ErrorJson>(1, 'restore', 'latest', '--target', join(disk, 'out'));
    expect(error.code).toBe('SPACE_INSUFFICIENT');
    expect(error.message).toMatch(/\d+ bytes needed, \d+ free/);
    expect(Number(error.details['free'])).toBeLessThanOrEqual(1024 * 1024);
    expect(readdirSync(disk)).toEqual([]);
  });

  it('with a damaged blob restores the other files, leaves nothing half-written and exits 20', async () => {
    const place = await makePlace();
    const first = randomLike(600_000, 1);
    writeTree(place.source, { first, second: randomLike(600_000, 2), small: 'small', tiny: 'tiny' });
    await place.backup();
    const [pack = ''] = packsOf(place.repository);
    const damaged = join(place.repository, pack);
    // Bytes of random content are stored as they are sealed: this is in the middle of one of the large blobs.
    flipBit(damaged, 300_000);
    const { target, result } = await place.restore(20);
    expect(result.failed).toHaveLength(1);
    const [{ path, code } = { path: '', code: '' }] = result.failed;
    expect(['first', 'second']).toContain(path);
    expect(code).toBe('OBJECT_CORRUPT');
    expect(result.files).toBe(3);
    const expected = describeTree(place.source).filter((line) => !line.startsWith(`"${path}"`));
    expect(describeTree(target)).toEqual(expected);
    const cat = await place.nbak(20, 'cat', 'latest', path);
    expect(cat.stdout).toBe('');
    expect(cat.stderr).toContain('OBJECT_CORRUPT');
    await place.nbak(0, 'cat', 'latest', path === 'first' ? 'second' : 'first');
  });

  it('with a damaged blob and neither index nor cache still restores the files of the good blobs', async () => {
    const place = await makePlace();
    writeTree(place.source, {
      first: randomLike(600_000, 1),
      second: randomLike(600_000, 2),
      small: 'small',
    });
    await place.backup();
    flipBit(join(place.repository, packsOf(place.repository)[0] ?? ''), 300_000);
    for (const gone of [place.cache, join(place.repository, 'index')]) rmSync(gone, { recursive: true });
    const { result } = await place.restore(20);
    expect(result.failed).toHaveLength(1);
    expect(result.files).toBe(2);
    // The next backup stores what is damaged again, since it cannot deduplicate against it.
    await place.backup();
    const whole = await place.restore(0);
    expect(describeTree(whole.target)).toEqual(describeTree(place.source));
  });

  it('needs neither the source nor the cache nor the index', async () => {
    const place = await backedUp();
    const before = describeTree(place.source);
    for (const gone of [place.source, place.cache, join(place.repository, 'index')])
      rmSync(gone, { recursive: true });
    const { target } = await place.restore(0);
    expect(describeTree(target)).toEqual(before);
    rmSync(place.cache, { recursive: true });
    writeFileSync(place.cache, 'a file where the cache should be');
    const second = await place.restore(0);
    expect(describeTree(second.target)).toEqual(before);
    expect(readFileSync(place.cache, 'utf8')).toContain('a file');
  });
});
