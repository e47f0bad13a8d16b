/** The order in which a restore reads packs. */

import { expect, it } from 'vitest';
import type { PackId } from '#nbak/format/ids.js';
import type { PieceTicket } from '#nbak/restore/file-in-progress.js';
import type { PieceOrder } from '#nbak/restore/write-job.js';
import { planJobs, type PieceTask } from '#nbak/restore/write-plan.js';

function task(pack: string, offset: number, length = 100): PieceTask {
  const place = { pack: pack as PackId, offset, length, expected: `${pack}${offset}`, dedup: 1 };
  return { place, order: { length } as PieceOrder, ticket: { bytes: offset } as PieceTicket };
}

it('reads neighbours together, pack by pack and upwards, whatever the order of the files', () => {
  const [job, ...more] = planJobs([task('b', 0), task('a', 100), task('a', 0), task('a', 300)]);
  expect(more).toEqual([]);
  expect(job?.runs.map(({ pack, offset, length }) => [pack, offset, length])).toEqual([
    ['a', 0, 200],
    ['a', 300, 100],
    ['b', 0, 100],
  ]);
  expect(job?.runs[0]?.frames.map(({ offset }) => offset)).toEqual([0, 100]);
});

it('opens a blob once for all pieces that it has, with tickets in the order of pieces', () => {
  const [job] = planJobs([task('a', 100), task('a', 0), task('a', 100)]);
  const [run] = job?.runs ?? [];
  expect(run?.frames.map(({ offset, pieces }) => [offset, pieces.length])).toEqual([
    [0, 1],
    [100, 2],
  ]);
  expect(job?.tickets.map(({ bytes }) => bytes)).toEqual([0, 100, 100]);
});

it('makes several jobs of much work, and loses none of it', () => {
  const tasks = Array.from({ length: 100 }, (_, i) => task('a', i * 100_000, 100_000));
  const jobs = [...planJobs(tasks)];
  expect(jobs.length).toBeGreaterThan(2);
  expect(jobs.flatMap(({ tickets }) => tickets)).toHaveLength(100);
  for (const { runs } of jobs) {
    expect(runs.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(4 * 1024 * 1024);
    for (const { length } of runs) expect(length).toBeLessThanOrEqual(1024 * 1024);
  }
});
