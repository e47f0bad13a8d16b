/** Packs as open files: shared while they are used, and never closed under a thread that reads them. */

import { expect, it } from 'vitest';
import type { PackId } from '#nbak/format/ids.js';
import { PackFiles } from '#nbak/repository/pack-files.js';
import { memoryStorage } from '#nbak/storage/memory.js';
import { parseObjectName, type Storage } from '#nbak/storage/storage.js';

function packId(n: number): PackId {
  return n.toString(16).padStart(64, '0') as PackId;
}

/** A storage whose files are only counted. */
function countingStorage(): { readonly storage: Storage; readonly open: Set<number>; opened: () => number } {
  const open = new Set<number>();
  let next = 0;
  const storage: Storage = Object.assign(Object.create(memoryStorage()) as Storage, {
    openFile: () => {
      next += 1;
      const descriptor = next;
      open.add(descriptor);
      return Promise.resolve({ descriptor, size: 100, close: () => void open.delete(descriptor) });
    },
  });
  return { storage, open, opened: () => next };
}

it('opens a pack once for all who hold it, and keeps it open while one does', async () => {
  const { storage, open, opened } = countingStorage();
  const packs = new PackFiles(storage);
  const [first, second] = await Promise.all([packs.hold(packId(0), 0, 10), packs.hold(packId(0), 50, 50)]);
  expect(opened()).toBe(1);
  expect(second?.from).toEqual({ descriptor: 1, offset: 50 });
  first?.release();
  for (let n = 1; n < 100; n += 1) (await packs.hold(packId(n), 0, 1))?.release();
  expect(open.has(1)).toBe(true);
  expect(open.size).toBeLessThan(50);
  second?.release();
  await packs.close();
  expect(open.size).toBe(0);
});

it('has nothing of a pack that is missing or too short', async () => {
  const { storage } = countingStorage();
  expect(await new PackFiles(storage).hold(packId(0), 50, 51)).toBeUndefined();
  expect(await new PackFiles(memoryStorage()).hold(packId(0), 0, 1)).toBeUndefined();
});

it('gives the bytes themselves where a storage has no files', async () => {
  const storage = memoryStorage();
  const name = parseObjectName(`packs/00/${packId(0)}`);
  await storage.put(name, Uint8Array.of(1, 2, 3, 4));
  const held = await new PackFiles(storage).hold(packId(0), 1, 2);
  expect(held?.from).toEqual({ bytes: Uint8Array.of(2, 3) });
  expect(await new PackFiles(storage).hold(packId(0), 3, 2)).toBeUndefined();
});
