/** A file that grows while it is read. */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openSourceFile } from '#nbak/source/read-file.js';

it('is read up to the size it had when it was opened, however much it grew, and is said to have changed', () => {
  const directory = mkdtempSync(join(tmpdir(), 'nbak-growing-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'log');
  writeFileSync(path, 'x'.repeat(10_000));
  using file = openSourceFile(Buffer.from(path));
  appendFileSync(path, 'y'.repeat(8192));
  const target = new Uint8Array(20_000);
  expect(file?.readInto(target)).toBe(10_000);
  expect(target.subarray(0, 10_000).includes(0x79)).toBe(false);
  expect(file?.hasChanged()).toBe(true);
});
