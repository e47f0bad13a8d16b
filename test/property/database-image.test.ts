// Any range of any image is what the file says, patched by what the log says, and zero where neither says anything.
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { readImage } from '#nbak/source/sqlite/image.js';

const PAGE = 512;
const RUNS = process.env['SLOW'] === '1' ? 5000 : 300;

const images = fc.record({
  pages: fc.integer({ min: 1, max: 12 }),
  fileLength: fc.integer({ min: 0, max: 14 * PAGE }),
  frames: fc.array(fc.integer({ min: 1, max: 14 }), { maxLength: 20 }),
  offset: fc.integer({ min: 0, max: 15 * PAGE }),
  length: fc.integer({ min: 0, max: 6 * PAGE }),
});

test('Reading a range of an image gives the newest bytes of each page', () => {
  const directory = mkdtempSync(join(tmpdir(), 'nbak-test-image-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  fc.assert(
    fc.property(images, ({ pages, fileLength, frames, offset, length }) => {
      const fileBytes = Buffer.alloc(fileLength, 0x11);
      const logBytes = Buffer.alloc(frames.length * (PAGE + 24), 0xee);
      const whole = Buffer.alloc(16 * PAGE);
      fileBytes.copy(whole);
      const newest = new Map<number, number>();
      frames.forEach((page, index) => {
        const start = index * (PAGE + 24) + 24;
        logBytes.fill(0x20 + index, start, start + PAGE);
        logBytes.copy(whole, (page - 1) * PAGE, start, start + PAGE);
        newest.set(page, start);
      });
      writeFileSync(join(directory, 'file'), fileBytes);
      writeFileSync(join(directory, 'log'), logBytes);
      const file = openSync(join(directory, 'file'), 'r');
      const descriptor = openSync(join(directory, 'log'), 'r');
      const numbers = [...newest.keys()].sort((a, b) => a - b);
      const log = {
        descriptor,
        pageSize: PAGE,
        pages: Uint32Array.from(numbers),
        offsets: Float64Array.from(numbers, (page) => newest.get(page) ?? 0),
      };
      const buffer = Buffer.alloc(length, 0x77);
      const count = readImage({ size: pages * PAGE, file, log }, buffer, offset);
      closeSync(file);
      closeSync(descriptor);
      const expected = whole.subarray(offset, Math.min(offset + length, pages * PAGE));
      expect(count).toBe(expected.length);
      expect(buffer.subarray(0, count).equals(expected)).toBe(true);
      expect(buffer.subarray(count).every((byte) => byte === 0x77)).toBe(true);
    }),
    { numRuns: RUNS },
  );
});
