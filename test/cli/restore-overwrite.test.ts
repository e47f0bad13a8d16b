/** `restore --target --overwrite`: single files of a directory that holds something. */

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makePlace, writeTree, type ErrorJson, type Place } from '../support/cli.js';
import { counterOf, makeDatabase, setCounter } from '../support/state-directory.js';
import { describeTree } from '../support/tree.js';

const FILES = { 'a/same': 'same', 'a/changed': 'one', 'a/deep/gone': 'gone', top: 'top' };

interface OverJson {
  readonly files: number;
  readonly replaced: number;
  readonly added: number;
  readonly removed: number;
  readonly stayed: number;
}

/** A backup, a restored copy of it, and changes in that copy. */
async function restoredAndChanged(): Promise<{ place: Place; id: string; target: string }> {
  const place = await makePlace();
  writeTree(place.source, FILES);
  const { id } = await place.backup('--exclude', '*.log');
  const target = place.path('target');
  await place.nbak(0, 'restore', id, '--target', target);
  writeTree(target, { 'a/changed': 'another', 'a/mine': 'mine', 'mine/x': 'x', 'a/app.log': 'log' });
  rmSync(join(target, 'a/deep'), { recursive: true });
  return { place, id, target };
}

function over(place: Place, id: string, target: string, ...flags: readonly string[]): Promise<OverJson> {
  return place.json<OverJson>(0, 'restore', id, '--target', target, ...flags);
}

const MINE = ['a/mine', 'mine/x', 'a/app.log'];

describe('restore --overwrite', () => {
  it.each([
    ['always', { replaced: 3, added: 1, removed: 0, files: 4 }, 'one'],
    ['if-changed', { replaced: 1, added: 1, removed: 0, files: 2 }, 'one'],
    ['never', { replaced: 0, added: 1, removed: 0, files: 1 }, 'another'],
  ] as const)(
    '%s replaces what it says, brings what is missing, and leaves what is only there',
    async (which, counts, content) => {
      const { place, id, target } = await restoredAndChanged();
      expect(await over(place, id, target, '--overwrite', which)).toMatchObject(counts);
      expect(readFileSync(join(target, 'a/changed'), 'utf8')).toBe(content);
      expect(readFileSync(join(target, 'a/deep/gone'), 'utf8')).toBe('gone');
      for (const path of MINE) expect(existsSync(join(target, path)), path).toBe(true);
      expect(readdirSync(place.directory).filter((name) => name.includes('pre-restore'))).toEqual([]);
      expect(readdirSync(target).sort()).toEqual(['a', 'mine', 'top']);
    },
  );

  it('with --delete removes what the backup does not have, but not what its scope leaves out', async () => {
    const { place, id, target } = await restoredAndChanged();
    expect(await over(place, id, target, '--overwrite', 'if-changed', '--delete')).toMatchObject({
      removed: 2,
    });
    expect(readFileSync(join(target, 'a/app.log'), 'utf8')).toBe('log');
    rmSync(join(target, 'a/app.log'));
    utimesSync(
      join(target, 'a'),
      statSync(join(place.source, 'a')).atime,
      statSync(join(place.source, 'a')).mtime,
    );
    expect(describeTree(target, { times: false })).toEqual(describeTree(place.source, { times: false }));
  });

  it('if-changed takes a file of the same size, mode and time to the microsecond for the same', async () => {
    const { place, id, target } = await restoredAndChanged();
    const restoreAgain = async (): Promise<string> => {
      await over(place, id, target, '--overwrite', 'if-changed');
      return readFileSync(join(target, 'top'), 'utf8');
    };
    const forge = (): void => {
      writeFileSync(join(target, 'top'), 'tip');
      execFileSync('touch', ['-r', join(place.source, 'top'), join(target, 'top')]);
    };
    forge();
    expect(await restoreAgain()).toBe('tip');
    chmodSync(join(target, 'top'), 0o600);
    expect(await restoreAgain()).toBe('top');
    forge();
    await over(place, id, target, '--overwrite', 'always');
    expect(readFileSync(join(target, 'top'), 'utf8')).toBe('top');
  });

  it('never leaves the log beside a database that it replaced, and never takes it from one that it did not', async () => {
    const place = await makePlace();
    makeDatabase(join(place.source, 'state.db'), 'wal', 1);
    const { id } = await place.backup();
    // A log without an application, as after a kill.
    setCounter(join(place.source, 'state.db'), 2);
    const log = `${join(place.source, 'state.db')}-wal`;
    writeFileSync(log, 'a log');
    await over(place, id, place.source, '--overwrite', 'never', '--delete');
    expect(readFileSync(log, 'utf8')).toBe('a log');
    await over(place, id, place.source, '--overwrite', 'if-changed');
    expect(readdirSync(place.source)).toEqual(['state.db']);
    expect(counterOf(join(place.source, 'state.db'))).toBe(1);
  });

  it('does not replace a directory by a file, nor a file by a directory, unless with --delete', async () => {
    const { place, id, target } = await restoredAndChanged();
    rmSync(join(target, 'top'));
    mkdirSync(join(target, 'top'));
    writeTree(target, { 'top/mine': 'mine' });
    const before = describeTree(target);
    const { error } = await place.json<ErrorJson>(
      1,
      'restore',
      id,
      '--target',
      target,
      '--overwrite',
      'always',
    );
    expect(error).toMatchObject({ code: 'TARGET_CONFLICT', details: { paths: ['top'] } });
    expect(describeTree(target)).toEqual(before);
    await over(place, id, target, '--overwrite', 'always', '--delete');
    expect(readFileSync(join(target, 'top'), 'utf8')).toBe('top');
  });

  it('puts several roots below the directory, each over what is there, and refuses to delete then', async () => {
    const place = await makePlace();
    const [a, b] = [place.path('a'), place.path('b')];
    writeTree(a, { file: 'a' });
    writeTree(b, { file: 'b' });
    const { id } = await place.json<{ id: string }>(0, 'backup', a, b);
    const target = place.path('out');
    writeTree(target, { 'a/file': 'old', 'a/mine': 'mine' });
    await over(place, id, target, '--overwrite', 'always');
    expect(readFileSync(join(target, 'a/file'), 'utf8')).toBe('a');
    expect(readFileSync(join(target, 'b/file'), 'utf8')).toBe('b');
    expect(existsSync(join(target, 'a/mine'))).toBe(true);
    const { error } = await place.json<ErrorJson>(
      2,
      'restore',
      id,
      '--target',
      target,
      '--overwrite',
      'always',
      '--delete',
    );
    expect(error.code).toBe('USAGE_INVALID');
  });

  it('goes to an absent directory as without', async () => {
    const place = await makePlace();
    writeTree(place.source, FILES);
    const { id } = await place.backup();
    const target = place.path('absent/deep');
    await place.nbak(0, 'restore', id, '--target', target, '--overwrite', 'if-changed');
    expect(describeTree(target)).toEqual(describeTree(place.source));
  });
});
