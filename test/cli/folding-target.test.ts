/** Restoring to a file system that takes `README` and `readme` for one name; few kernels can make one. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, type TestContext } from 'vitest';
import { makePlace, writeTree, type ErrorJson, type Place } from '../support/cli.js';
import { isRoot } from '../support/program-copy.js';

/** Mounts a file system that folds case, of the first kind that this machine knows. */
function foldingDirectory(place: Place, { skip }: TestContext): string {
  const directory = place.path('folding');
  mkdirSync(directory);
  const image = place.path('image');
  writeFileSync(image, '');
  truncateSync(image, 32 * 1024 * 1024);
  const attempts: readonly (readonly (readonly string[])[])[] = [
    [
      ['mount', '-t', 'tmpfs', '-o', 'casefold', 'tmpfs', directory],
      ['chattr', '+F', directory],
    ],
    [
      ['mkfs.ext4', '-q', '-O', 'casefold', image],
      ['mount', '-o', 'loop', image, directory],
      ['rm', '-r', `${directory}/lost+found`],
      ['chattr', '+F', directory],
    ],
    [
      ['mkfs.vfat', image],
      ['mount', '-t', 'vfat', '-o', 'loop', image, directory],
    ],
  ];
  for (const commands of attempts) {
    try {
      for (const [command = '', ...args] of commands) {
        execFileSync(command, args, { stdio: 'pipe' });
        if (command === 'mount') onTestFinished(() => void execFileSync('umount', [directory]));
      }
      return directory;
    } catch {
      // The next kind.
    }
  }
  return skip('no file system that folds case can be made here: neither tmpfs, ext4 nor vfat');
}

describe.runIf(isRoot)('a target that folds case', () => {
  it('is refused by a backup whose names it would take for one, and takes what is left without them', async (test) => {
    const place = await makePlace();
    const folding = foldingDirectory(place, test);
    writeTree(place.source, { README: 'large', readme: 'small', other: 'o' });
    await place.backup();
    const target = join(folding, 'out');
    const { error } = await place.json<ErrorJson>(1, 'restore', 'latest', '--target', target);
    expect(error).toMatchObject({
      code: 'TARGET_CONFLICT',
      details: { paths: ['README', 'readme'], count: 1 },
    });
    expect(readdirSync(target)).toEqual([]);
    await place.nbak(0, 'restore', 'latest', '--target', target, '--exclude', '/readme');
    expect(readFileSync(join(target, 'README'), 'utf8')).toBe('large');
  });

  it('never has a file written over by one whose name is another, in place or over single files', async (test) => {
    const place = await makePlace();
    const folding = foldingDirectory(place, test);
    writeTree(place.source, { readme: 'small' });
    const { id } = await place.backup();
    const target = join(folding, 'out');
    for (const flags of [
      ['--target', target, '--overwrite', 'always'],
      ['--in-place', target],
    ]) {
      rmSync(target, { recursive: true, force: true });
      writeTree(target, { ReadMe: 'stays' });
      const { error } = await place.json<ErrorJson>(1, 'restore', id, 'readme', ...flags);
      expect(error.code).toBe('TARGET_CONFLICT');
      expect(readFileSync(join(target, 'ReadMe'), 'utf8')).toBe('stays');
    }
  });
});
