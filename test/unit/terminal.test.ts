/** What the program writes for people. */

import { describe, expect, it } from 'vitest';
import { count, formatAmount } from '#nbak/cli/terminal.js';

describe('amounts', () => {
  it('are written with commas as English does', () => {
    for (const amount of [
      0,
      7,
      999,
      1000,
      12_345,
      999_999,
      1_000_000,
      1_234_567_890,
      Number.MAX_SAFE_INTEGER,
    ])
      expect(formatAmount(amount)).toBe(amount.toLocaleString('en-US'));
  });

  it('agree with their nouns', () => {
    expect([count(1, 'directory'), count(2, 'directory'), count(1000, 'file')]).toEqual([
      '1 directory',
      '2 directories',
      '1,000 files',
    ]);
  });
});
