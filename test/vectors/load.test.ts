import { expect, test } from 'vitest';
import type { Json } from './json.js';
import { parseVectorFile } from './load.js';
import { OPERATIONS } from './operations.js';
import { referenceAdapter } from './reference-adapter.js';

const vector = {
  tcId: 1,
  comment: 'a scenario',
  clause: '§0',
  result: 'valid',
  error: null,
  input: {},
  output: null,
  intermediate: {},
};

/** A file of one vector that differs from a sound one in `change`. */
const fileWith = (change: Record<string, Json>): string =>
  JSON.stringify({
    spec: 'spec/format.md',
    formatVersion: 2,
    numberOfTests: 1,
    header: [],
    testGroups: [{ type: 'x', source: { name: 'a', version: '1' }, tests: [{ ...vector, ...change }] }],
  });

test('a sound vector file is read', () => {
  expect(parseVectorFile(fileWith({}), 'file').numberOfTests).toBe(1);
});

test.each([
  ['an unknown field', { flag: true }],
  ['an unknown result', { result: 'acceptable' }],
  ['an unknown error code', { result: 'invalid', error: 'OOPS' }],
  ['an invalid vector without an error', { result: 'invalid' }],
  ['a valid vector with an error', { error: 'KEY_WRONG' }],
  ['a number out of order', { tcId: 2 }],
])('%s is refused', (_, change) => {
  expect(() => parseVectorFile(fileWith(change), 'file')).toThrow(TypeError);
});

test('an input with an unknown field is refused, not ignored', async () => {
  const ask = OPERATIONS['readVaultKey'];
  await expect(ask?.(referenceAdapter, { text: 'a', more: 1 })).rejects.toThrow(/unknown more/);
});
