/** The bench's measure of memory: the largest process of a program, its children among them. */

import { expect, it } from 'vitest';
import { measure } from '../../bench/measure.js';

const MiB = 2 ** 20;
/** Takes memory, and keeps it long enough to be seen. */
const take = (mebibytes: number): string =>
  `globalThis.kept = Buffer.alloc(${mebibytes * MiB}, 1); setTimeout(() => undefined, 300);`;
const run = (script: string): ReturnType<typeof measure> =>
  measure({ program: process.execPath, args: ['-e', script] });

it('is the peak of the process with its threads', async () => {
  const small = await run('setTimeout(() => undefined, 300)');
  const thread = `new (require('node:worker_threads').Worker)(${JSON.stringify(take(150))}, { eval: true });`;
  const large = await run(thread);
  expect(large.peakMiB - small.peakMiB).toBeGreaterThan(145);
  expect(large.peakMiB - small.peakMiB).toBeLessThan(250);
});

it('is that of a child where the child is larger, and not the sum', async () => {
  const child = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(take(200))}]);`;
  const { peakMiB } = await run(`${take(100)} ${child}`);
  expect(peakMiB).toBeGreaterThan(200);
  expect(peakMiB).toBeLessThan(300);
});

it('gives no numbers for a program that failed, but what it said', async () => {
  await expect(run('console.error("no disk"); process.exit(3)')).rejects.toThrow(/ended with 3: no disk/);
});
