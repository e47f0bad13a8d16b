/** Packs that are checked by threads: right verdicts from every way of reading, and proper errors where reading ends. */

import { closeSync, openSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeFooter, decodePackTrailer } from '#nbak/format/pack.js';
import type { FrameChecker, PackChecker, PackFrames } from '#nbak/repository/pack-check.js';
import { createPackChecker } from '#nbak/repository/workers/pack-checker.js';
import { openLocalStorage } from '#nbak/storage/local.js';
import { memoryStorage } from '#nbak/storage/memory.js';
import type { Storage } from '#nbak/storage/storage.js';
import { flipBit } from '../support/damage.js';
import { withDirectory } from '../support/engine-run.js';
import { objectsUnder } from '../support/snapshots.js';
import { repositoryOf, type Files } from '../support/tiny-repository.js';
import { randomLike } from '../support/tree.js';

/** Frames below, across and beyond the steps in which a thread reads. */
const FILES: Files = {
  bundled: 'a small one\n',
  large: randomLike(1_500_000, 1),
  middling: randomLike(400_000, 2),
  other: randomLike(700_000, 3),
};

let pack: PackFrames;
let bytes: Uint8Array;

beforeAll(async () => {
  const { snapshot, unlocked } = await repositoryOf([FILES]);
  const [[name, content] = []] = objectsUnder(snapshot, 'packs/');
  if (name === undefined || content === undefined) throw new Error('there is no pack');
  bytes = content;
  const length = decodePackTrailer(content.subarray(-8), content.length);
  const { payload } = unlocked.keyRing.verify(content.slice(-8 - length, -8), {
    type: 'nbak/v2/footer',
    role: 'any',
    what: name,
  });
  pack = { name, footer: decodeFooter(payload) };
});

const checkers: PackChecker[] = [];
const checkerOf = (threads: number): PackChecker => {
  const checker = createPackChecker(threads);
  checkers.push(checker);
  return checker;
};
afterAll(() => Promise.all(checkers.map((checker) => checker.close())));

/** The pack on disk, where `use` may damage it. */
async function withPack<T>(use: (storage: Storage, file: string) => Promise<T>): Promise<T> {
  return withDirectory(async (directory) => {
    const storage = await openLocalStorage(directory, { mode: 'existing' });
    await storage.put(pack.name, bytes);
    try {
      return await use(storage, join(directory, pack.name));
    } finally {
      await storage.close();
    }
  });
}

async function inMemory(content: Uint8Array): Promise<Storage> {
  const storage = memoryStorage();
  await storage.put(pack.name, content);
  return storage;
}

describe.each([
  ['without threads', 0],
  ['with one thread', 1],
  ['with two threads', 2],
  ['beside threads, in the thread that asks,', 'here'],
] as const)('%s a pack', (_, where) => {
  const checkerHere = (): FrameChecker => (where === 'here' ? checkerOf(1).here : checkerOf(where));

  it('that is whole is found to be so, read as a file and as bytes', async () => {
    const checker = checkerHere();
    expect(pack.footer.blobs.length).toBeGreaterThan(3);
    expect(await withPack((storage) => checker.check(storage, pack))).toEqual({ damaged: [] });
    expect(await checker.check(await inMemory(bytes), pack)).toEqual({ damaged: [] });
  });

  it('with one bit wrong names that blob alone, wherever the bit lies', async () => {
    const checker = checkerHere();
    let begin = 0;
    for (const [index, { id, length }] of pack.footer.blobs.entries()) {
      // In the header, in the first step, at the very end.
      for (const offset of [begin + 41, begin + Math.trunc(length / 2), begin + length - 1]) {
        const damaged = await withPack(async (storage, file) => {
          flipBit(file, offset);
          return (await checker.check(storage, pack)).damaged;
        });
        expect(damaged.map(({ index: at, error: { code } }) => [at, code])).toEqual([
          [index, 'OBJECT_CORRUPT'],
        ]);
        expect(damaged[0]?.error.message).toContain(id);
      }
      begin += length;
    }
  });

  it('that shrinks while it is read is corrupt, wherever it now ends', async () => {
    const checker = checkerHere();
    for (const length of [0, 50, bytes.length >> 1]) {
      const shrunk = withPack((storage, file) => {
        truncateSync(file, length);
        return checker.check(storage, pack);
      });
      await expect(shrunk).rejects.toMatchObject({ code: 'OBJECT_CORRUPT', details: { object: pack.name } });
      const cut = checker.check(await inMemory(bytes.slice(0, length)), pack);
      await expect(cut).rejects.toMatchObject({ code: 'OBJECT_CORRUPT' });
    }
  });

  it('that cannot be read, or is not there, is an error of the storage that names it', async () => {
    const checker = checkerHere();
    await withPack(async (storage, file) => {
      const unreadable: Storage = Object.assign(Object.create(storage) as Storage, {
        description: storage.description,
        openFile: () => {
          const descriptor = openSync(file, 'a');
          return Promise.resolve({ descriptor, size: bytes.length, close: () => closeSync(descriptor) });
        },
      });
      await expect(checker.check(unreadable, pack)).rejects.toMatchObject({
        code: 'STORAGE_FAILED',
        details: { operation: 'read', object: pack.name, storage: storage.description },
      });
      await storage.delete(pack.name);
      await expect(checker.check(storage, pack)).rejects.toMatchObject({ code: 'STORAGE_NOT_FOUND' });
    });
  });
});

it('A pack whose thread dies is an internal error, at once and for every later pack', async () => {
  const checker = createPackChecker(1);
  await withPack(async (storage) => {
    const waiting = checker.check(storage, pack).then(
      () => 'answered',
      (error: unknown) => (error as { readonly code?: string }).code,
    );
    await checker.close();
    // The thread may have been quicker.
    expect(['answered', 'INTERNAL']).toContain(await waiting);
    await expect(checker.check(storage, pack)).rejects.toMatchObject({ code: 'INTERNAL' });
  });
});
