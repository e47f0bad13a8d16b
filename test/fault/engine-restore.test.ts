/** A storage that fails or lies while a backup is restored: right bytes or none, never wrong ones. */

import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isNbakError } from '#nbak/errors.js';
import { restoreBackup, withDirectory } from '../support/engine-run.js';
import { makeScene } from '../support/faults.js';
import { faultyStorage, type Effect } from '../support/faulty-storage.js';
import { KEY_BYTES } from '../support/tiny-repository.js';

const EFFECTS: readonly (readonly [string, Effect])[] = [
  ['fails', { kind: 'fail', when: 'before' }],
  ['gives one bit wrong at the start', { kind: 'flip', bit: 1 }],
  ['gives one bit wrong further on', { kind: 'flip', bit: 8 * 150 }],
  ['gives too few bytes', { kind: 'truncate', length: 100 }],
  ['gives nothing', { kind: 'truncate', length: 0 }],
];

describe('a restore of which the n-th read', () => {
  it.each(EFFECTS)('%s, for every n, writes no file that is not whole and right', async (_, effect) => {
    await withDirectory(async (directory) => {
      const scene = await makeScene(directory);
      const { id: backup } = (await scene.backUp()).result;
      const counting = faultyStorage(scene.storage, []);
      await restoreBackup(counting, KEY_BYTES, { target: join(directory, 'counting'), backup });
      const reads = counting.operations.filter(
        ({ operation }) => operation === 'get' || operation === 'read',
      );
      expect(reads.length).toBeGreaterThan(5);
      let noticed = 0;
      for (let nth = 1; nth <= reads.length; nth += 1) {
        const target = join(directory, `target-${String(nth)}`);
        const through = faultyStorage(scene.storage, [{ on: ['get', 'read'], nth, effect }]);
        const outcome = await restoreBackup(through, KEY_BYTES, { target, backup }).catch(
          (error: unknown) => error,
        );
        if (outcome instanceof Error) {
          expect(isNbakError(outcome), String(outcome)).toBe(true);
          noticed += 1;
        } else if ((outcome as { readonly failed: readonly unknown[] }).failed.length > 0) noticed += 1;
        else expect(filesOf(target)).toHaveLength(filesOf(scene.source).length);
        for (const file of filesOf(target))
          expect(readFileSync(join(target, file)).equals(readFileSync(join(scene.source, file))), file).toBe(
            true,
          );
      }
      // What is read twice or can be done without may go unnoticed, most may not.
      expect(noticed).toBeGreaterThan(reads.length / 3);
      scene.catalog.close();
    });
  });
});

/** Files below a directory that may not exist. */
function filesOf(directory: string): readonly string[] {
  try {
    return (readdirSync(directory, { recursive: true }) as string[]).filter((name) =>
      lstatSync(join(directory, name)).isFile(),
    );
  } catch {
    return [];
  }
}
