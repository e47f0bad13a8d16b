/** The bench's comparison of a restore with its source: without it, speed means nothing. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { assertEqual } from '../../bench/compare.js';
import { randomLike } from '../support/tree.js';

const DATABASE = Buffer.concat([Buffer.from('SQLite format 3\0'), randomLike(8176)]);

/** Two equal trees. */
function makeTrees(): readonly [string, string] {
  const directory = mkdtempSync(join(tmpdir(), 'nbak-test-compare-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const trees = [join(directory, 'source'), join(directory, 'restored')] as const;
  for (const tree of trees) {
    mkdirSync(join(tree, 'sub'), { recursive: true });
    writeFileSync(join(tree, 'sub/large'), randomLike(5 * 2 ** 20));
    writeFileSync(join(tree, 'state.db'), DATABASE);
  }
  return trees;
}

it('accepts equal trees, and the counters of a database that its backup sets anew', () => {
  const [source, restored] = makeTrees();
  assertEqual(source, restored);
  const counted = Buffer.from(DATABASE);
  counted[25] = (counted[25] ?? 0) ^ 1;
  counted[99] = (counted[99] ?? 0) ^ 1;
  writeFileSync(join(restored, 'state.db'), counted);
  assertEqual(source, restored);
});

it.each([
  ['one other byte', 'sub/large', Buffer.from(randomLike(5 * 2 ** 20)).fill(0, 5_000_000, 5_000_001)],
  ['a shorter file', 'sub/large', randomLike(5 * 2 ** 20 - 1)],
  ['a longer file', 'sub/large', Buffer.concat([randomLike(5 * 2 ** 20), Buffer.of(0)])],
  ['another byte of a database', 'state.db', Buffer.from(DATABASE).fill(0, 28, 32)],
  ['a file too many', 'sub/more', Buffer.of(1)],
])('finds %s', (_, path, bytes) => {
  const [source, restored] = makeTrees();
  writeFileSync(join(restored, path), bytes);
  expect(() => assertEqual(source, restored)).toThrow(restored);
});

it('finds a missing file', () => {
  const [source, restored] = makeTrees();
  rmSync(join(restored, 'sub/large'));
  expect(() => assertEqual(source, restored)).toThrow('has nothing in place of sub/large');
});
