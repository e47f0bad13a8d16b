/** `nbak bench`: the stages of a backup, measured on this machine. */

import { readdirSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { STAGES, type MeasureResult } from '#nbak/measurement/result.js';
import { signalled } from '../support/caught-run.js';
import { makePlace, writeTree, type ErrorJson, type Place } from '../support/cli.js';
import { describeTree, randomLike } from '../support/tree.js';

const MiB = 1024 * 1024;

const measure = async (place: Place, ...args: readonly string[]): Promise<MeasureResult> => {
  const { exit, stdout } = await place.run(['bench', ...args, '--json', '--threads', '2']);
  expect(exit).toBe(0);
  return JSON.parse(stdout) as MeasureResult;
};

describe('nbak bench', () => {
  it('measures every stage on a sample and leaves nothing behind', async () => {
    const place = await makePlace({ init: false });
    const result = await measure(place, '--size', '2MiB');
    expect(result).toMatchObject({ bytes: 2 * MiB, threads: 2 });
    expect(result.stages.map(({ stage }) => stage)).toEqual(STAGES);
    for (const { bytes, durationMs, bytesPerSecond } of result.stages) {
      expect(bytes).toBeGreaterThan(MiB);
      expect(bytesPerSecond).toBeCloseTo((bytes * 1000) / durationMs, -1);
    }
    // The half that is noise stays what it is.
    expect(result.bytesStored).toBeGreaterThan(MiB);
    expect(result.bytesStored).toBeLessThan(1.8 * MiB);
    const works = result.stages.filter(({ stage }) => stage !== 'sync');
    const sum = works.reduce((total, { durationMs }) => total + durationMs, 0);
    expect(result.durationMs).toBeCloseTo(sum, 3);
    expect(result.bytesPerSecond).toBeCloseTo((result.bytes * 1000) / (sum / 2), -1);
    expect(readdirSync(place.temporary)).toEqual([]);
  });

  it('takes the files of a directory, cut as a backup cuts them, and changes none', async () => {
    const place = await makePlace({ init: false });
    writeTree(place.source, { 'notes/a.md': 'a'.repeat(1000), 'notes/b.md': 'b'.repeat(2000) });
    writeFileSync(place.path('source/large'), randomLike(3 * MiB));
    const database = new Database(place.path('source/state.db'));
    database.exec('CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(300000))');
    database.close();
    const before = describeTree(place.source);
    const result = await measure(place, place.source);
    expect(result.files).toBe(4);
    // A bundle or two, at least one chunk of the large file, one of the database for each 128 KiB.
    expect(result.chunks).toBeGreaterThanOrEqual(5);
    expect(result.chunks).toBeLessThanOrEqual(15);
    expect(describeTree(place.source)).toEqual(before);
    expect((await measure(place, place.source, '--size', '1KiB')).bytes).toBe(1024);
  });

  it('prints a table with a rate for each stage', async () => {
    const place = await makePlace({ init: false });
    const { exit, stdout } = await place.run(['bench', '--size', '1MiB']);
    expect(exit).toBe(0);
    // What is left to wait for at the end has no rate.
    for (const stage of STAGES.filter((each) => each !== 'sync'))
      expect(stdout).toMatch(new RegExp(`^${stage} +[0-9.]+ [KMG]iB/s`, 'm'));
    expect(stdout).toMatch(/^sync +[0-9.]+ (ms|s)/m);
    expect(stdout).toMatch(/a first backup with \d+ threads?: [0-9.]+ [KMG]iB\/s at best\n$/);
  });

  it('refuses a size that is none, and a source without bytes', async () => {
    const place = await makePlace({ init: false });
    const refused = async (exit: number, ...args: readonly string[]): Promise<string> => {
      const outcome = await place.run(['bench', ...args, '--json']);
      expect(outcome.exit).toBe(exit);
      return (JSON.parse(outcome.stdout) as ErrorJson).error.code;
    };
    expect(await refused(2, '--size', '0MiB')).toBe('USAGE_INVALID');
    expect(await refused(2, '--size', 'much')).toBe('USAGE_INVALID');
    expect(await refused(1, place.source)).toBe('SOURCE_NOT_FOUND');
    expect(await refused(1, place.path('absent'))).toBe('SOURCE_NOT_FOUND');
  });

  it('can be interrupted, and leaves nothing behind then either', async () => {
    const place = await makePlace({ init: false });
    const { exit, stdout } = await signalled('SIGINT', () => ({
      run: place.start(['bench', '--size', '512MiB', '--json']),
      isThere: () => readdirSync(place.temporary).length > 0,
    }));
    expect(exit).toBe(130);
    expect((JSON.parse(stdout) as ErrorJson).error.code).toBe('INTERRUPTED');
    expect(readdirSync(place.temporary)).toEqual([]);
  });
});
