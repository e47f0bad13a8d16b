import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { renderExamples } from './examples.js';

const EXAMPLES = new URL('../../spec/examples.md', import.meta.url);

test('spec/examples.md shows what the vectors hold', () => {
  const text = renderExamples();
  if (process.env['UPDATE_VECTORS'] === '1') writeFileSync(EXAMPLES, text);
  expect(readFileSync(EXAMPLES, 'utf8')).toBe(text);
});
