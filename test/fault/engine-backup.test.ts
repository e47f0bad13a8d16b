/** Every single operation on the storage fails once during a backup; nothing that was there is harmed. */

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isNbakError } from '#nbak/errors.js';
import { openCatalog } from '#nbak/repository/catalog.js';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { openWithPublicKey } from '#nbak/repository/open.js';
import { judge, judgeDecrypted, restoreBackup, withDirectory } from '../support/engine-run.js';
import { makeScene } from '../support/faults.js';
import type { Effect } from '../support/faulty-storage.js';
import { KEY_BYTES } from '../support/tiny-repository.js';
import { describeTree } from '../support/tree.js';

const EFFECTS: readonly (readonly [string, Effect])[] = [
  ['fails without effect', { kind: 'fail', when: 'before' }],
  ['has its effect and fails', { kind: 'fail', when: 'after' }],
  // A crash before the n-th is one after the n-1st.
  ['is the last thing before a crash', { kind: 'crash', when: 'after' }],
];

describe('a backup of which the n-th operation', () => {
  it.each(EFFECTS)(
    '%s, for every n, ends in a clear error, harms nothing, and goes well the next time',
    async (_, effect) => {
      const operations = await withDirectory(async (directory) => {
        const { through } = await (await makeScene(directory)).backUp();
        return through.operations.length;
      });
      expect(operations).toBeGreaterThan(15);

      for (let nth = 1; nth <= operations; nth += 1) {
        await withDirectory(async (directory) => {
          const scene = await makeScene(directory, nth % 2 === 0 ? 'sealed' : 'plain');
          expect(await judge(scene.storage, scene.publicKey, scene.heads)).toMatchObject({ ok: true });

          const error: unknown = await scene.backUp([{ nth, effect }]).then(
            () => undefined,
            (reason: unknown) => reason,
          );
          // What a run can do without (a listing of leases, say) may fail silently; everything else is told.
          if (error !== undefined) {
            expect(isNbakError(error)).toBe(true);
            expect(error).toMatchObject({ code: /^STORAGE_|^OBJECT_MISSING|^REPOSITORY_NOT_FOUND/ });
          }
          const after = await judge(scene.storage, scene.publicKey, scene.heads);
          expect(after.problems, `after operation ${String(nth)}`).toEqual([]);

          // Half of the next runs have the catalog of the failed run, half have lost it.
          const fresh = openCatalog(undefined, await idOf(scene));
          await scene.backUp([], nth % 4 < 2 ? scene.catalog : fresh);
          expect(await judge(scene.storage, scene.publicKey, scene.heads)).toMatchObject({
            ok: true,
            problems: [],
          });
          expect(await judgeDecrypted(scene.storage, KEY_BYTES)).toMatchObject({ ok: true });
          const target = join(directory, 'target');
          const restored = await restoreBackup(scene.storage, KEY_BYTES, { target });
          expect(restored.failed).toEqual([]);
          expect(describeTree(target)).toEqual(describeTree(scene.source));
          scene.catalog.close();
          fresh.close();
        });
      }
    },
  );

  it('reports failure for every operation that writes', async () => {
    await withDirectory(async (directory) => {
      for (const on of ['put', 'create', 'write', 'commit'] as const) {
        const scene = await makeScene(join(directory, on));
        const run = scene.backUp([{ on: [on], nth: 'every', effect: { kind: 'fail', when: 'before' } }]);
        await expect(run, on).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
        expect(await judge(scene.storage, scene.publicKey)).toMatchObject({ ok: true });
      }
    });
  });

  it('takes what a crashed run left: the next run stores no chunk twice', async () => {
    await withDirectory(async (directory) => {
      const whole = await makeScene(join(directory, 'whole'));
      const { result } = await whole.backUp();
      const scene = await makeScene(join(directory, 'crashed'));
      const crash = { kind: 'crash', when: 'before' } as const;
      await expect(
        scene.backUp([{ on: ['put'], prefix: 'manifests/', nth: 1, effect: crash }]),
      ).rejects.toThrow();
      const catalog = openCatalog(undefined, await idOf(scene));
      const { result: second } = await scene.backUp([], catalog);
      catalog.close();
      expect(result.bytesAdded).toBeGreaterThan(1_300_000);
      expect(second.bytesAdded).toBeLessThan(10_000);
    });
  });
});

async function idOf({ storage, publicKey }: Awaited<ReturnType<typeof makeScene>>) {
  return (await openWithPublicKey(storage, nodeCrypto, publicKey)).id;
}
