/** A2: frames of a pack, rows of a footer and pages of a manifest stand where they were signed to stand. */

import { beforeAll, describe, expect, it } from 'vitest';
import { isNbakError } from '#nbak/errors.js';
import { encodePackEnd } from '#nbak/format/pack.js';
import { concatBytes } from '#nbak/format/bytes.js';
import type { PageId } from '#nbak/format/ids.js';
import type { ObjectName } from '#nbak/storage/storage.js';
import { judge, judgeDecrypted, restoreBackup, withDirectory } from '../support/engine-run.js';
import { Insider, type ForgedEntry } from '../support/insider.js';
import { footerOf, framesOf } from '../support/outsider.js';
import { onlyObject, snapshotOf, storageWith, withObject, type Snapshot } from '../support/snapshots.js';
import { emptyRepository, KEY_BYTES, type TestRepository } from '../support/tiny-repository.js';

// Equal lengths: no length gives a permutation away.
const ENTRIES: readonly ForgedEntry[] = [
  { path: '' },
  { path: 'a', content: 'content number 1' },
  { path: 'b', content: 'content number 2' },
  { path: 'c', content: 'content number 3' },
  { path: 'd', content: 'content number 4' },
];

let repository: TestRepository;
let snapshot: Snapshot;
let packName: ObjectName;
let footer: Uint8Array;
let frames: readonly Uint8Array[];

beforeAll(async () => {
  repository = await emptyRepository();
  await new Insider(repository.unlocked).storeBackup(ENTRIES);
  snapshot = await snapshotOf(repository.storage);
  const [name, bytes] = onlyObject(snapshot, 'packs/');
  packName = name;
  footer = footerOf(bytes);
  frames = framesOf(bytes);
});

function permutations<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length < 2) return [items];
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}

function withFrames(order: readonly number[]): Snapshot {
  const chosen = order.map((i) => frames[i] ?? new Uint8Array(0));
  return withObject(snapshot, packName, concatBytes(...chosen, encodePackEnd(footer)));
}

async function restoredWrongly(attacked: Snapshot): Promise<boolean> {
  return withDirectory(async (directory) => {
    try {
      const { files, failed } = await restoreBackup(await storageWith(attacked), KEY_BYTES, {
        target: `${directory}/t`,
      });
      return files > 0 && failed.length === 0;
    } catch (error) {
      if (!isNbakError(error)) throw error;
      return false;
    }
  });
}

describe('A2 reordering and duplication', () => {
  it('A2: the pack as it was signed has four frames of one length and verifies', async () => {
    expect(frames.map(({ length }) => length)).toEqual(Array.from({ length: 4 }, () => frames[0]?.length));
    expect(await judge(await storageWith(withFrames([0, 1, 2, 3])), repository.publicKey)).toMatchObject({
      ok: true,
    });
    expect(await restoredWrongly(snapshot)).toBe(true);
  });

  it('A2: every permutation of four frames is corruption of that pack, with the files it hits', async () => {
    const orders = permutations([0, 1, 2, 3]).slice(1);
    expect(orders).toHaveLength(23);
    for (const order of orders) {
      const { exit, codes, problems } = await judge(
        await storageWith(withFrames(order)),
        repository.publicKey,
      );
      const moved = order.flatMap((frame, place) => (frame === place ? [] : ['abcd'[place]]));
      expect({ order, exit, codes }).toEqual({ order, exit: 20, codes: ['OBJECT_CORRUPT'] });
      expect(problems.map(({ object }) => object)).toEqual(moved.map(() => packName));
      expect(problems.flatMap(({ files }) => files).sort()).toEqual(moved);
    }
  });

  it('A2: every replacement of frames by duplicates of others is corruption', async () => {
    const orders = [0, 1, 2, 3].flatMap((a) =>
      [0, 1, 2, 3].flatMap((b) => [0, 1, 2, 3].flatMap((c) => [0, 1, 2, 3].map((d) => [a, b, c, d]))),
    );
    const wrong = orders.filter((order) => order.join() !== '0,1,2,3');
    expect(wrong).toHaveLength(255);
    for (const order of wrong) {
      const { exit } = await judge(await storageWith(withFrames(order)), repository.publicKey);
      expect({ order, exit }).toEqual({ order, exit: 20 });
    }
  });

  it('A2: frames added or left out are corruption', async () => {
    for (const order of [[], [0], [0, 1, 2], [1, 2, 3], [0, 0, 1, 2, 3], [0, 1, 2, 3, 3]]) {
      const attacked = withFrames(order);
      const { exit } = await judge(await storageWith(attacked), repository.publicKey);
      expect({ order, exit }).toEqual({ order, exit: 20 });
      expect(await restoredWrongly(attacked)).toBe(false);
    }
  });

  it('A2: a permutation that an insider signs a footer for is found where the digests are recomputed', async () => {
    const target = await emptyRepository();
    const insider = new Insider(target.unlocked);
    const { page, blobs } = insider.pageOf(ENTRIES);
    if (page.type !== 'entries') throw new Error('expected entries');
    const [first, second, ...rest] = page.blobs;
    if (first === undefined || second === undefined) throw new Error('expected rows');
    await insider.storePack(blobs);
    const id = await insider.storePage({ ...page, blobs: [second, first, ...rest] });
    const totals = { files: 4, directories: 1, others: 0, bytes: 64 };
    await insider.storeManifest([id], { entries: 5, totals });
    const { exit, codes, problems } = await judgeDecrypted(target.storage, KEY_BYTES);
    expect({ exit, codes }).toEqual({ exit: 21, codes: ['CONTENT_TAMPERED'] });
    expect(problems.flatMap(({ files }) => files).sort()).toEqual(['a', 'b']);
    await withDirectory(async (directory) => {
      const { failed, files } = await restoreBackup(target.storage, KEY_BYTES, { target: `${directory}/t` });
      expect(failed.map(({ path, code }) => [path, code])).toEqual([
        ['a', 'CONTENT_TAMPERED'],
        ['b', 'CONTENT_TAMPERED'],
      ]);
      expect(files).toBe(2);
    });
  });

  it('A2: pages of a manifest out of order, twice or left out contradict its signed counts', async () => {
    const two: readonly (readonly ForgedEntry[])[] = [
      [{ path: '' }, { path: 'a', content: 'one' }],
      [{ path: 'b', content: 'two' }],
    ];
    for (const order of [[1, 0], [0, 0], [0, 1, 1], [0], [1]]) {
      const target = await emptyRepository();
      const insider = new Insider(target.unlocked);
      const ids: PageId[] = [];
      for (const entries of two) {
        const { page, blobs } = insider.pageOf(entries);
        await insider.storePack(blobs);
        ids.push(await insider.storePage(page));
      }
      const totals = { files: 2, directories: 1, others: 0, bytes: 6 };
      const pages = order.flatMap((i) => ids[i] ?? []);
      await insider.storeManifest(pages, { entries: 3, totals });
      const { exit, codes } = await judge(target.storage, target.publicKey);
      expect({ order, exit, codes }).toEqual({ order, exit: 21, codes: ['REFERENCE_TAMPERED'] });
      expect(await restoredWrongly(await snapshotOf(target.storage))).toBe(false);
    }
  });
});
