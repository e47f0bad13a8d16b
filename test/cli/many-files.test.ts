/** Many small files: all come back, a second backup finds them unchanged, and a changed one is found among them. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makePlace } from '../support/cli.js';
import { describeTree, randomLike } from '../support/tree.js';

const isSlow = process.env['SLOW'] === '1';
const FILES = isSlow ? 50_000 : 5000;

it(`${String(FILES)} small files`, async () => {
  if (!isSlow) console.info('5 000 instead of 50 000: SLOW=1 is not set');
  const place = await makePlace();
  for (let i = 0; i < FILES; i += 1) {
    const directory = join(place.source, String(i % 97));
    if (i < 97) mkdirSync(directory);
    writeFileSync(join(directory, `note ${String(i)}.md`), randomLike(200 + (i % 3000), i));
  }
  // What was written within 2 s of a run is read again by the next.
  await new Promise((resolve) => setTimeout(resolve, 2100));
  expect(await place.backup()).toMatchObject({ filesTotal: FILES, filesUnchanged: 0 });
  const again = await place.backup();
  expect(again).toMatchObject({ filesUnchanged: FILES, bytesRead: 0 });
  expect(again.bytesAdded).toBeLessThan(64 * 1024);
  writeFileSync(join(place.source, '7/note 7.md'), 'changed');
  expect(await place.backup()).toMatchObject({ filesUnchanged: FILES - 1, bytesRead: 7 });
  await place.verify(0);
  const { target, result } = await place.restore(0);
  expect(result).toMatchObject({ files: FILES, failed: [] });
  expect(describeTree(target)).toEqual(describeTree(place.source));
}, 300_000);
