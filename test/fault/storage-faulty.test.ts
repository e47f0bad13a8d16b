/** The faulty storage of test/support does what its faults say: fault tests elsewhere rest on it. */

import { describe, expect, it } from 'vitest';
import { memoryStorage } from '#nbak/storage/memory.js';
import { parseObjectName } from '#nbak/storage/storage.js';
import { names } from '../contract/storage.contract.js';
import { faultyStorage } from '../support/faulty-storage.js';

const text = (value: string) => new TextEncoder().encode(value);
const [a, b, c] = ['index/a', 'index/b', 'packs/c'].map(parseObjectName) as [never, never, never];

describe('the faulty storage', () => {
  it('fails the n-th matching operation before its effect, with the code asked for, and only that one', async () => {
    const storage = faultyStorage(memoryStorage(), [
      {
        on: ['put'],
        prefix: 'index/',
        nth: 2,
        effect: { kind: 'fail', when: 'before', code: 'STORAGE_FULL' },
      },
    ]);
    await storage.put(c, text('c'));
    await storage.put(a, text('a'));
    await expect(storage.put(b, text('b'))).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    expect(await names(storage, '')).toEqual(['index/a', 'packs/c']);
    await storage.put(b, text('b'));
    expect(storage.operations.map(({ operation, name }) => `${operation} ${name}`)).toEqual([
      'put packs/c',
      'put index/a',
      'put index/b',
      'list ',
      'put index/b',
    ]);
  });

  it('fails after the effect, so that a retry meets the object it wrote', async () => {
    const storage = faultyStorage(memoryStorage(), [
      { on: ['commit'], nth: 1, effect: { kind: 'fail', when: 'after' } },
    ]);
    const writer = await storage.create();
    await writer.write(text('a'));
    await expect(writer.commit(a)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    expect(await storage.get(a)).toEqual(text('a'));
    await storage.put(a, text('a'));
  });

  it('refuses everything after a crash, while the storage beneath keeps what had happened', async () => {
    const inner = memoryStorage();
    const storage = faultyStorage(inner, [{ nth: 3, effect: { kind: 'crash', when: 'after' } }]);
    await storage.put(a, text('a'));
    const writer = await storage.create();
    await expect(storage.put(b, text('b'))).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    expect(storage.crashed).toBe(true);
    await expect(storage.get(a)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    await expect(writer.write(text('x'))).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    await writer.abort();
    expect(await names(inner, '')).toEqual(['index/a', 'index/b']);
  });

  it('flips one bit and truncates, in get and in streams, and leaves the stored bytes alone', async () => {
    const inner = memoryStorage();
    const bytes = new Uint8Array(200_000);
    await inner.put(a, bytes);
    const flipping = faultyStorage(inner, [{ nth: 'every', effect: { kind: 'flip', bit: 8 * 150_000 + 3 } }]);
    const truncating = faultyStorage(inner, [{ nth: 'every', effect: { kind: 'truncate', length: 70_000 } }]);
    const streamed: number[] = [];
    for await (const part of flipping.read(a)) streamed.push(...part);
    for (const read of [await flipping.get(a), streamed]) {
      expect(read).toHaveLength(200_000);
      expect(read[150_000]).toBe(8);
      expect(read.filter((byte) => byte !== 0)).toHaveLength(1);
    }
    let length = 0;
    for await (const part of truncating.read(a)) length += part.length;
    expect([length, (await truncating.get(a)).length]).toEqual([70_000, 70_000]);
    expect(Buffer.compare(await inner.get(a), bytes)).toBe(0);
  });

  it('delays', async () => {
    const storage = faultyStorage(memoryStorage(), [{ nth: 1, effect: { kind: 'delay', ms: 50 } }]);
    const start = performance.now();
    await storage.put(a, text('a'));
    expect(performance.now() - start).toBeGreaterThan(45);
  });
});
