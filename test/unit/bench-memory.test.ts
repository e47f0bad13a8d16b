/** The bench's measure of memory: the largest process of a program, its children among them. */

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { measure } from '../../bench/measure.js';

const MiB = 2 ** 20;
/** More polls than the watch lets pass between two searches for children, at its pace. */
const POLLS = { count: 15, milliseconds: 20 };

/** Takes memory. */
const take = (mebibytes: number): string => `globalThis.kept = Buffer.alloc(${mebibytes * MiB}, 1);`;

/** Says by a file that all is taken, and stays until that is removed. */
const stay = (file: string): string => `
  const fs = require('node:fs');
  fs.writeFileSync(${JSON.stringify(file)}, '');
  const asking = setInterval(() => fs.existsSync(${JSON.stringify(file)}) || clearInterval(asking), 10);`;

/** The peak of a script that ends with {@link stay}, which is let go when the watch has looked. */
async function peakOf(script: (file: string) => string): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'nbak-test-memory-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'taken');
  const measured = measure({ program: process.execPath, args: ['-e', script(file)] });
  while (!existsSync(file)) await sleep(POLLS.milliseconds);
  for (let i = 0; i < POLLS.count; i += 1) await sleep(POLLS.milliseconds);
  rmSync(file);
  return (await measured).peakMiB;
}

it('is the peak of the process with its threads', async () => {
  const small = await peakOf(stay);
  const thread = (file: string): string => JSON.stringify(take(150) + stay(file));
  const large = await peakOf(
    (file) => `new (require('node:worker_threads').Worker)(${thread(file)}, { eval: true });`,
  );
  expect(large - small).toBeGreaterThan(145);
  expect(large - small).toBeLessThan(250);
});

it('is that of a child where the child is larger, and not the sum', async () => {
  const child = (file: string): string => JSON.stringify(take(200) + stay(file));
  const peak = await peakOf(
    (file) => `${take(100)} require('node:child_process').spawn(process.execPath, ['-e', ${child(file)}]);`,
  );
  expect(peak).toBeGreaterThan(200);
  expect(peak).toBeLessThan(300);
});

it('gives no numbers for a program that failed, but what it said', async () => {
  const failing = { program: process.execPath, args: ['-e', 'console.error("no disk"); process.exit(3)'] };
  await expect(measure(failing)).rejects.toThrow(/ended with 3: no disk/);
});
