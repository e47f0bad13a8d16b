/** Where large files are cut depends on their content alone, and every byte is in one chunk. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CUT, cutLength, gearTable } from '#nbak/chunking/gear.js';
import { decodeBundle, encodeBundle } from '#nbak/format/bundle.js';
import { runs } from '../support/arbitraries.js';
import { randomLike } from '../support/tree.js';

const MiB = 1024 * 1024;
const TABLE = gearTable(randomLike(1024, 42));

/** The lengths of all chunks of `bytes`. */
function cut(bytes: Uint8Array, table = TABLE): number[] {
  const lengths: number[] = [];
  for (let start = 0; start < bytes.length; start += lengths.at(-1) ?? 0)
    lengths.push(cutLength(table, bytes, start, bytes.length));
  return lengths;
}

/** Content of several kinds: random, constant, and random with a period. */
const content = fc
  .record({
    kind: fc.constantFrom('random', 'constant', 'periodic'),
    seed: fc.integer({ min: 1, max: 1_000_000 }),
    length: fc.oneof(
      fc.nat(2 * MiB),
      fc.nat(12 * MiB),
      fc.constantFrom(CUT.minimum, CUT.normal, CUT.maximum),
    ),
  })
  .map(({ kind, seed, length }) => {
    if (kind === 'random') return randomLike(length, seed);
    if (kind === 'constant') return Buffer.alloc(length, seed);
    return Buffer.alloc(length, randomLike(1 + (seed % 5000), seed));
  })
  .filter(({ length }) => length > 0);

describe('cutting by content', () => {
  it('covers every byte, in chunks within the borders', () => {
    fc.assert(
      fc.property(content, (bytes) => {
        const lengths = cut(bytes);
        expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(bytes.length);
        expect(Math.max(...lengths)).toBeLessThanOrEqual(CUT.maximum);
        expect(Math.min(...lengths.slice(0, -1), CUT.maximum)).toBeGreaterThanOrEqual(CUT.minimum);
      }),
      runs(25),
    );
  });

  it('depends on nothing but the bytes of the chunk: not on where they lie, nor on what comes before or after', () => {
    fc.assert(
      fc.property(content, fc.nat(5000), fc.integer({ min: 1, max: 99 }), (bytes, shift, seed) => {
        const [first = 0] = cut(bytes);
        const moved = Buffer.concat([randomLike(shift, seed), bytes]);
        expect(cutLength(TABLE, moved, shift, moved.length)).toBe(first);
        // Words are read where memory has them, wherever the bytes begin.
        expect(cutLength(TABLE, moved.subarray(shift), 0, bytes.length)).toBe(first);
        if (first < bytes.length || first === CUT.maximum) {
          const followed = Buffer.concat([bytes.subarray(0, first), randomLike(CUT.maximum, seed + 1)]);
          expect(cutLength(TABLE, followed, 0, followed.length)).toBe(first);
        }
      }),
      runs(25),
    );
  });

  it('finds its borders again after an insertion', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9999 }), fc.nat(3 * MiB), (seed, at) => {
        const bytes = randomLike(16 * MiB, seed);
        const changed = Buffer.concat([bytes.subarray(0, at), Buffer.from('inserted'), bytes.subarray(at)]);
        const ends = (lengths: readonly number[], total: number): Set<number> => {
          let left = total;
          return new Set(lengths.map((length) => (left -= length)));
        };
        const [before, after] = [ends(cut(bytes), bytes.length), ends(cut(changed), changed.length)];
        const lost = [...before].filter((end) => !after.has(end));
        expect(lost.length).toBeLessThanOrEqual(8);
        expect(before.size - lost.length).toBeGreaterThan(4);
      }),
      runs(10),
    );
  });

  it('is another one under another key', () => {
    const bytes = randomLike(12 * MiB, 5);
    expect(cut(bytes)).not.toEqual(cut(bytes, gearTable(randomLike(1024, 43))));
  });
});

describe('a bundle', () => {
  it('gives back its slices', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { minLength: 1, maxLength: 40 }),
        (slices) => {
          expect(decodeBundle(encodeBundle(slices))).toEqual(slices);
        },
      ),
      runs(200),
    );
  });
});
