/** Where holes are found, and what lies between them. */

import { closeSync, fstatSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { dataBetween, findHoles, holeBytes, type Holes } from '#nbak/source/holes.js';

const directory = mkdtempSync(join(tmpdir(), 'nbak-test-holes-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** The holes of a file of `size` bytes with a byte at each of the places. */
function holesOf(size: number, places: readonly number[]): Holes {
  const descriptor = openSync(join(directory, 'file'), 'w+');
  try {
    ftruncateSync(descriptor, size);
    for (const place of places) writeSync(descriptor, Buffer.of(1), 0, 1, place);
    return findHoles({ descriptor, size, blocks: fstatSync(descriptor).blocks });
  } finally {
    closeSync(descriptor);
  }
}

describe('holes', () => {
  it('are found at the start, in the middle and at the end of a file', () => {
    expect(holesOf(100_000, [])).toEqual([[0, 100_000]]);
    expect(holesOf(1_000_000, [500_000])).toEqual([
      [0, 499_712],
      [503_808, 496_192],
    ]);
    expect(holesOf(4096, [0])).toEqual([]);
  });

  it('are at most 4096: of more the longer ones', () => {
    // Every other block written: 6000 holes of 4 KiB; and one of a MiB at the end.
    const places = Array.from({ length: 6000 }, (_, i) => i * 8192);
    const holes = holesOf(6000 * 8192 + 1024 * 1024, places);
    expect(holes).toEqual([[5999 * 8192 + 4096, 1024 * 1024 + 4096]]);
  });

  it('and what lies between them make the file', () => {
    const runs = fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 })));
    fc.assert(
      fc.property(runs, fc.nat(50), fc.boolean(), (gaps, rest, startsWithHole) => {
        let at = startsWithHole ? 0 : 7;
        const holes = gaps.map(([length, apart]) => {
          const hole = [at, length] as const;
          at += length + apart;
          return hole;
        });
        const size = (holes.at(-1)?.reduce((sum, n) => sum + n, 0) ?? 0) + rest;
        const data = dataBetween(holes, size);
        const both = [...holes, ...data.map(({ offset, length }) => [offset, length] as const)];
        let end = 0;
        for (const [offset, length] of both.sort(([a], [b]) => a - b)) {
          expect(offset).toBe(end);
          expect(length).toBeGreaterThan(0);
          end = offset + length;
        }
        expect(end).toBe(size);
        expect(holeBytes(holes) + data.reduce((sum, { length }) => sum + length, 0)).toBe(size);
      }),
    );
  });
});
