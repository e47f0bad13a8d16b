import { expect, it } from 'vitest';
import { Pace } from '#nbak/cli/pace.js';

const MiB = 1024 * 1024;

/** A run of `seconds` at `rate` bytes per second, from `at` and `done` on, reported every 100 ms. */
function go(pace: Pace, run: { at: number; done: number; seconds: number; rate: number }): void {
  for (let ms = 0; ms <= run.seconds * 1000; ms += 100)
    pace.add(run.at + ms, run.done + (run.rate * ms) / 1000);
}

it('says nothing before it has seen anything', () => {
  const pace = new Pace();
  expect([pace.rate, pace.left(MiB)]).toEqual([undefined, undefined]);
  pace.add(0, 0);
  pace.add(100, MiB);
  expect([pace.rate, pace.left(2 * MiB)]).toEqual([undefined, undefined]);
});

it('gives rate and time left of a steady run', () => {
  const pace = new Pace();
  go(pace, { at: 0, done: 0, seconds: 4, rate: 10 * MiB });
  expect(pace.rate).toBeCloseTo(10 * MiB, -3);
  expect(pace.left(140 * MiB)).toBeCloseTo(10_000, -2);
});

it('forgets what was more than ten seconds ago: unchanged files that flew by, a slow start', () => {
  const pace = new Pace();
  go(pace, { at: 0, done: 0, seconds: 1, rate: 1000 * MiB });
  go(pace, { at: 1000, done: 1000 * MiB, seconds: 12, rate: 5 * MiB });
  expect(pace.rate).toBeLessThan(6 * MiB);
  expect(pace.rate).toBeGreaterThan(4 * MiB);
});

it('promises nothing while nothing moves', () => {
  const pace = new Pace();
  go(pace, { at: 0, done: MiB, seconds: 20, rate: 0 });
  expect([pace.rate, pace.left(2 * MiB)]).toEqual([0, undefined]);
});
