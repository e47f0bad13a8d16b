/** A file that grows while it is read. */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openSourceFile } from '#nbak/source/read-file.js';

it('is read up to the size it had when it was opened, however fast it grows, and is said to have changed', () => {
  const directory = mkdtempSync(join(tmpdir(), 'nbak-growing-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'log');
  writeFileSync(path, 'x'.repeat(10_000));
  using file = openSourceFile(Buffer.from(path));
  let read = 0;
  let steps = 0;
  for (const part of file?.chunks(4096) ?? []) {
    // As much again with each step: a reader that wants the end never sees it.
    appendFileSync(path, 'y'.repeat(8192));
    read += part.length;
    steps += 1;
    expect(part.includes(0x79)).toBe(false);
    expect(steps).toBeLessThan(10);
  }
  expect(read).toBe(10_000);
  expect(file?.hasChanged()).toBe(true);
});
