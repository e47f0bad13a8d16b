import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { renderFile } from '../reference/generate/draft.js';
import { VECTOR_FILES } from '../reference/generate/files.js';
import { loadVectorFile, VECTOR_FOLDER, vectorFileNames } from './load.js';

const update = process.env['UPDATE_VECTORS'] === '1';

for (const file of VECTOR_FILES) {
  test(`${file.name} is what the generator makes`, async () => {
    const text = await renderFile(file);
    const url = new URL(file.name, VECTOR_FOLDER);
    if (update) writeFileSync(url, text);
    expect(readFileSync(url, 'utf8')).toBe(text);
  });
}

test('the folder holds the generated files and no others', () => {
  expect(vectorFileNames()).toEqual(VECTOR_FILES.map((file) => file.name).sort());
});

test('there are at least 90 vectors', () => {
  const files = vectorFileNames().map((name) => loadVectorFile(name));
  const total = files.reduce((sum, file) => sum + file.numberOfTests, 0);
  expect(total).toBeGreaterThanOrEqual(90);
});
