import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES, NbakError, type ErrorCode } from '#nbak/errors.js';

const SPEC = readFileSync(new URL('../../spec/errors.md', import.meta.url), 'utf8');

/** The table of spec/errors.md in its order. */
function table(): readonly (readonly [string, { readonly exit: number; readonly http: number }])[] {
  return [...SPEC.matchAll(/^\| `([A-Z_]+)` \| (\d+) \| (\d+) \| \S.* \|$/gm)].map(
    ([, code = '', exit, http]) => [code, { exit: Number(exit), http: Number(http) }] as const,
  );
}

describe('the list of errors', () => {
  it('is the same in src/errors.ts and spec/errors.md: codes, exit codes, HTTP codes and order', () => {
    expect(table().length).toBeGreaterThan(40);
    expect(Object.entries(ERROR_CODES)).toEqual(table());
  });

  it('has no row in the spec that the table above does not match', () => {
    const rows = SPEC.split('\n').filter((line) => line.startsWith('| `'));
    expect(rows.length).toBe(table().length);
  });

  it('uses only exit codes that the spec explains', () => {
    const [sentence = ''] = /Exit codes:.*/.exec(SPEC) ?? [];
    const explained = new Set([...sentence.matchAll(/(?<= |·)(\d+) [a-z]/g)].map(([, exit]) => Number(exit)));
    expect([...explained]).toEqual([0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 130]);
    expect(Object.entries(ERROR_CODES).filter(([, { exit }]) => !explained.has(exit))).toEqual([]);
  });

  it('gives each error the exit code of its row', () => {
    for (const [code, { exit }] of table()) expect(new NbakError(code as ErrorCode, 'x').exitCode).toBe(exit);
  });
});
