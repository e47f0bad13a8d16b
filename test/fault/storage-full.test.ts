/** A local storage on a full disk. */

import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLocalStorage } from '#nbak/storage/local.js';
import { parseObjectName } from '#nbak/storage/storage.js';
import { names } from '../contract/storage.contract.js';

const MiB = 1024 * 1024;

describe('a local storage of 1 MiB', () => {
  let disk: string;
  let unmountable: string | undefined;

  beforeAll(async () => {
    disk = await mkdtemp(join(tmpdir(), 'nbak-full-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk], { stdio: 'pipe' });
    } catch (error) {
      unmountable = error instanceof Error ? error.message : String(error);
    }
  });
  afterAll(async () => {
    if (unmountable === undefined) execFileSync('umount', [disk]);
    await rm(disk, { recursive: true });
  });

  it('says STORAGE_FULL, keeps what it has, leaves no half-written bytes, and goes on after a deletion', async (test) => {
    test.skip(unmountable !== undefined, `no file system can be mounted here: ${unmountable ?? ''}`);
    const root = join(disk, 'repository');
    const storage = await openLocalStorage(root, { mode: 'create' });
    const [kept, large] = [parseObjectName('packs/a'), parseObjectName('packs/b')];
    const half = new Uint8Array(MiB / 2).fill(1);
    await storage.put(kept, half);
    expect(await storage.freeSpace?.()).toBeLessThanOrEqual(MiB / 2);

    await expect(storage.put(large, new Uint8Array(MiB))).rejects.toMatchObject({
      code: 'STORAGE_FULL',
      details: { operation: 'write', object: large },
    });
    const writer = await storage.create();
    await expect(writer.write(new Uint8Array(8 * MiB))).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    await expect(writer.commit(large)).rejects.toThrow(TypeError);
    await writer.abort();
    // What is still on its way when the call resolves is known to have failed when the object gets its name.
    const late = await storage.create();
    await late.write(new Uint8Array(MiB));
    await expect(late.commit(large)).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    await late.abort();

    expect(await readdir(join(root, 'tmp'))).toEqual([]);
    expect(await names(storage, '')).toEqual([kept]);
    expect(Buffer.compare(await storage.get(kept), half)).toBe(0);
    await storage.delete(kept);
    await storage.put(large, half);
    await storage.close();
  });
});
