/** Small files in more directories than are held open at once: those beyond are staged, and all come back. */

import { expect, it } from 'vitest';
import { makePlace, writeTree } from '../support/cli.js';
import { describeTree } from '../support/tree.js';

it('a file in each of 700 directories', async () => {
  const place = await makePlace();
  const files = Array.from({ length: 700 }, (_, i) => [
    `${String(i % 7)}/${String(i)}/note`,
    `content ${String(i)}`,
  ]);
  writeTree(place.source, Object.fromEntries(files) as Record<string, string>);
  await place.backup();
  const { target, result } = await place.restore(0);
  expect(result).toMatchObject({ files: 700, failed: [] });
  expect(describeTree(target)).toEqual(describeTree(place.source));
});
