/** spec/seed-defects.md and the tests say the same: every number has a reason or a test, and no test a number of its own. */

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const PAGE = readFileSync(new URL('../../spec/seed-defects.md', import.meta.url), 'utf8');
const TESTS = new URL('../', import.meta.url).pathname;

interface Row {
  readonly number: string;
  readonly here: string;
}

/** The rows of the page's tables in their order. */
const ROWS: readonly Row[] = [...PAGE.matchAll(/^\| ([NCOM]B?-\d\d) \| \S.* \| (\S.*) \|$/gm)].map(
  ([, number = '', here = '']) => ({ number, here }),
);

/** The numbers that the page says it lists: `N-01 to N-26, …`. */
function announced(): string[] {
  return [...PAGE.matchAll(/([NCOM]B?)-01 to \1-(\d\d)/g)].flatMap(([, letters = '', last]) =>
    Array.from({ length: Number(last) }, (_, n) => `${letters}-${String(n + 1).padStart(2, '0')}`),
  );
}

/** Numbers with which names of tests begin. */
function tested(): Set<string> {
  const files = (readdirSync(TESTS, { recursive: true }) as string[]).filter((name) =>
    name.endsWith('.test.ts'),
  );
  const numbers = files.flatMap((name) => [
    ...readFileSync(`${TESTS}${name}`, 'utf8').matchAll(/['"`]([NCOM]B?-\d\d): \S/g),
  ]);
  return new Set(numbers.map(([, number = '']) => number));
}

describe('spec/seed-defects.md', () => {
  it('has a row for every number that it announces, in order, and no other', () => {
    expect(announced().length).toBeGreaterThan(100);
    expect(ROWS.map(({ number }) => number)).toEqual(announced());
    expect(PAGE.split('\n').filter((line) => /^\| [A-Z]+-/.test(line))).toHaveLength(ROWS.length);
  });

  it('says of each that it is tested, why it cannot occur, what it waits for, or which of these it shares', () => {
    const said = /^(Tested\.|Cannot occur: \S|As [NCOM]B?-\d\d\b)/;
    expect(ROWS.filter(({ here }) => !said.test(here))).toEqual([]);
    const shared = ROWS.flatMap(({ here }) => [...(/^As ([NCOM]B?-\d\d)/.exec(here)?.slice(1) ?? [])]);
    for (const number of shared)
      expect(ROWS.find((row) => row.number === number)?.here, number).toMatch(/^(Tested|Cannot occur)/);
  });

  it('says tested of exactly those that a test is named by', () => {
    const said = ROWS.filter(({ here }) => here.startsWith('Tested.')).map(({ number }) => number);
    expect([...tested()].sort()).toEqual(said.sort());
  });
});
