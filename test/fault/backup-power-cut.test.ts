/** A power cut at every point of a backup by the program: what was not synced may be gone, and the repository is sound. */

import { join } from 'node:path';
import { expect, it } from 'vitest';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { openWithVaultKey } from '#nbak/repository/open.js';
import { openLocalStorage } from '#nbak/storage/local.js';
import { parseVaultKey } from '#nbak/vault/vault-key.js';
import { makePlace, PROGRAM, writeTree } from '../support/cli.js';
import { traceDisk, untraceable } from '../support/disk-trace.js';
import { judge, judgeDecrypted, runBackup } from '../support/engine-run.js';
import { snapshotOf, storageWith, type Snapshot } from '../support/snapshots.js';
import { randomLike } from '../support/tree.js';

/** What becomes of the n-th name that was not synced when the power went. */
const LUCK: readonly (readonly [string, (n: number) => boolean])[] = [
  ['lost all', () => false],
  ['lost none', () => true],
  ['lost every other one', (n) => n % 2 === 0],
];

it.skipIf(untraceable !== undefined)(
  `leaves a repository that verifies, and into which the next run backs up${untraceable === undefined ? '' : ` (${untraceable})`}`,
  async () => {
    const place = await makePlace();
    writeTree(place.source, { a: 'the first' });
    await place.backup();
    for (let i = 0; i < 6; i += 1)
      writeTree(place.source, { [`large/${String(i)}`]: randomLike(4_000_000, i) });
    const storage = await openLocalStorage(place.repository, { mode: 'existing' });
    const before = await snapshotOf(storage);
    const trace = traceDisk(place.repository, place.path('trace'), {
      args: [PROGRAM, 'backup', place.source],
      env: {
        PATH: process.env['PATH'],
        HOME: place.directory,
        TMPDIR: place.temporary,
        NBAK_CACHE_DIR: place.cache,
        NBAK_REPOSITORY: place.repository,
        NBAK_VAULT_KEY: place.key,
      },
    });
    const after = await snapshotOf(storage);
    await storage.close();
    const keyBytes = parseVaultKey(place.key);

    // What is done when the program says so cannot be lost.
    const kept = [...after.keys()].filter((name) => !before.has(name));
    expect(kept.length).toBeGreaterThan(4);
    expect(trace.durable(trace.length)).toEqual(expect.arrayContaining(kept));

    const seen = new Set<string>();
    for (let moment = 0; moment < trace.length; moment += 1) {
      const durable = new Set(trace.durable(moment));
      for (const [what, isThere] of LUCK) {
        const names = trace.linked(moment).filter((name, n) => durable.has(name) || isThere(n));
        const state = [...names].sort().join();
        if (seen.has(state)) continue;
        seen.add(state);
        for (const name of names)
          expect(trace.hadContent(name), `${name} appeared before its bytes were safe`).toBe(true);
        await expectSound(withNames(before, after, names), keyBytes, {
          what: `${what} at ${String(moment)}`,
          source: join(place.source, 'large'),
        });
      }
    }
    expect(seen.size).toBeGreaterThan(kept.length);
  },
);

/** The repository as it was, and of what is new these names. */
function withNames(before: Snapshot, after: Snapshot, names: readonly string[]): Snapshot {
  const isThere = new Set(names);
  return new Map([...after].filter(([name]) => before.has(name) || isThere.has(name)));
}

async function expectSound(
  snapshot: Snapshot,
  keyBytes: Uint8Array,
  { what, source }: { readonly what: string; readonly source: string },
): Promise<void> {
  const storage = await storageWith(snapshot);
  const repository = await openWithVaultKey(storage, nodeCrypto, keyBytes);
  const { problems } = await judge(storage, repository.verificationKey);
  expect(problems, what).toEqual([]);
  await runBackup(repository, [source]);
  expect((await judge(storage, repository.verificationKey)).problems, what).toEqual([]);
  expect((await judgeDecrypted(storage, keyBytes)).problems, what).toEqual([]);
}
