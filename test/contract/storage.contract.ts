/** What every storage must do: the sentences of src/storage/storage.ts as tests. */

import { randomBytes } from 'node:crypto';
import { readSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseObjectName, type ObjectInfo, type ObjectName, type Storage } from '#nbak/storage/storage.js';

/** A fresh, empty storage for one test, and how to remove what it leaves. */
export interface StorageUnderTest {
  readonly storage: Storage;
  readonly dispose: () => Promise<void>;
}

const MiB = 1024 * 1024;
const text = (value: string) => new TextEncoder().encode(value);

/** Declares the suite for one implementation. */
export function storageContract(kind: string, make: () => Promise<StorageUnderTest>): void {
  describe(`storage contract: ${kind}`, () => {
    let under: StorageUnderTest;
    let storage: Storage;
    const name = parseObjectName('packs/ab/ab12');

    beforeEach(async () => {
      under = await make();
      storage = under.storage;
    });
    afterEach(async () => {
      await storage.close();
      await under.dispose();
    });

    it.each([0, 1, 4096, 65_537, 20 * MiB])(
      'gives back %i bytes that were put, whole and streamed',
      async (size) => {
        const bytes = new Uint8Array(randomBytes(size));
        await storage.put(name, bytes);
        expect(same(await storage.get(name), bytes)).toBe(true);
        expect(same(await streamed(storage, name), bytes)).toBe(true);
        expect(await storage.stat(name)).toMatchObject({ name, size });
      },
    );

    it('gives plain byte arrays that share no memory with the storage', async () => {
      await storage.put(name, text('content'));
      const first = await storage.get(name);
      expect(Object.getPrototypeOf(first)).toBe(Uint8Array.prototype);
      first.fill(0);
      for await (const part of storage.read(name)) part.fill(0);
      expect(await storage.get(name)).toEqual(text('content'));
    });

    it('opens what it stored as a file, where its objects are files', async () => {
      await storage.put(name, text('content'));
      const file = await storage.openFile?.(name);
      if (file === undefined) return;
      const bytes = Buffer.alloc(file.size);
      expect(readSync(file.descriptor, bytes, 0, bytes.length, 0)).toBe(7);
      file.close();
      expect(bytes.toString()).toBe('content');
      await expect(storage.openFile?.(parseObjectName('packs/ab/absent'))).rejects.toMatchObject({
        code: 'STORAGE_NOT_FOUND',
      });
    });

    it('gives what exists of a range', async () => {
      await storage.put(name, text('0123456789'));
      const cases: [offset: number, length: number, expected: string][] = [
        [0, 10, '0123456789'],
        [0, 3, '012'],
        [9, 1, '9'],
        [4, 0, ''],
        [8, 5, '89'],
        [10, 1, ''],
        [11, 1, ''],
        [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, ''],
        [1, Number.MAX_SAFE_INTEGER, '123456789'],
      ];
      for (const [offset, length, expected] of cases) {
        expect(await storage.get(name, { offset, length }), `${offset}+${length}`).toEqual(text(expected));
      }
    });

    it.each([
      { offset: -1, length: 1 },
      { offset: 0, length: -1 },
      { offset: 0.5, length: 1 },
      { offset: 0, length: Number.NaN },
    ])('refuses the malformed range $offset+$length', async (range) => {
      await storage.put(name, text('x'));
      await expect(storage.get(name, range)).rejects.toThrow(RangeError);
    });

    it('accepts the same bytes again and refuses other bytes, also of the same length', async () => {
      await storage.put(name, text('first'));
      const before = await storage.stat(name);
      await storage.put(name, text('first'));
      expect(await storage.stat(name)).toEqual(before);
      for (const other of ['other', 'firs', 'first!', '']) {
        await expect(storage.put(name, text(other)), other).rejects.toMatchObject({ code: 'STORAGE_EXISTS' });
      }
      expect(await storage.get(name)).toEqual(text('first'));
    });

    it('commits what a writer wrote in pieces, under a name given at the end', async () => {
      const writer = await storage.create();
      const whole = new Uint8Array(randomBytes(5 * MiB + 3));
      for (let at = 0; at < whole.length; at += MiB) await writer.write(whole.subarray(at, at + MiB));
      await writer.write(new Uint8Array(0));
      await writer.commit(name);
      expect(same(await storage.get(name), whole)).toBe(true);
      expect(await names(storage, '')).toEqual([name]);
      await expect(writer.write(text('late'))).rejects.toThrow(TypeError);
      await expect(writer.commit(name)).rejects.toThrow(TypeError);
      await writer.abort();
      expect(same(await storage.get(name), whole)).toBe(true);
    });

    it('commits an empty object', async () => {
      await (await storage.create()).commit(name);
      expect(await storage.get(name)).toEqual(new Uint8Array(0));
      expect(await streamed(storage, name)).toEqual(new Uint8Array(0));
    });

    it('keeps the object that is there when a writer commits to its name', async () => {
      await storage.put(name, text('first'));
      const equal = await storage.create();
      await equal.write(text('FIRST'));
      await equal.commit(name);
      const longer = await storage.create();
      await longer.write(text('longer'));
      await expect(longer.commit(name)).rejects.toMatchObject({ code: 'STORAGE_EXISTS' });
      await longer.abort();
      expect(await storage.get(name)).toEqual(text('first'));
      expect(await names(storage, '')).toEqual([name]);
    });

    it('shows nothing of an uncommitted writer outside tmp/, and nothing at all after abort', async () => {
      const writer = await storage.create();
      await writer.write(text('half'));
      expect((await names(storage, '')).filter((found) => !found.startsWith('tmp/'))).toEqual([]);
      await writer.abort();
      await writer.abort();
      expect(await names(storage, '')).toEqual([]);
      await expect(writer.commit(name)).rejects.toThrow(TypeError);
      expect(await storage.stat(name)).toBeUndefined();
    });

    it('keeps several writers apart', async () => {
      const writers = await Promise.all([0, 1, 2, 3].map(() => storage.create()));
      for (let round = 0; round < 3; round += 1) {
        await Promise.all(writers.map((writer, i) => writer.write(text(`${i}${round} `))));
      }
      await Promise.all(writers.map((writer, i) => writer.commit(parseObjectName(`packs/${i}`))));
      for (const i of [0, 1, 2, 3]) {
        expect(await storage.get(parseObjectName(`packs/${i}`))).toEqual(text(`${i}0 ${i}1 ${i}2 `));
      }
    });

    it('lets the caller reuse its buffers, Node Buffers included, once a call has resolved', async () => {
      const buffer = Buffer.from('aaaa');
      await storage.put(name, buffer);
      const writer = await storage.create();
      await writer.write(buffer);
      buffer.fill('b');
      await writer.write(buffer);
      buffer.fill('c');
      await writer.commit(parseObjectName('index/1'));
      expect(await storage.get(name)).toEqual(text('aaaa'));
      expect(await storage.get(parseObjectName('index/1'))).toEqual(text('aaaabbbb'));
    });

    it('lets one of many concurrent writers of a name win, whole', async () => {
      const contents = Array.from({ length: 12 }, (_, i) => new Uint8Array(10_000).fill(i));
      const results = await Promise.allSettled(contents.map((bytes) => storage.put(name, bytes)));
      const refused = results.filter((result) => result.status === 'rejected');
      expect(refused).toHaveLength(11);
      for (const { reason } of refused) expect(reason).toMatchObject({ code: 'STORAGE_EXISTS' });
      const winner = results.findIndex((result) => result.status === 'fulfilled');
      expect(await storage.get(name)).toEqual(contents[winner]);
      expect(await names(storage, '')).toEqual([name]);
    });

    it('lets concurrent writers of the same bytes and of many names all succeed', async () => {
      const many = Array.from({ length: 200 }, (_, i) => parseObjectName(`pages/${i % 16}/${i}`));
      await Promise.all([
        ...Array.from({ length: 12 }, () => storage.put(name, text('same'))),
        ...many.map((page) => storage.put(page, text(page))),
      ]);
      expect(await names(storage, '')).toEqual([name, ...many].sort());
      for (const page of many) expect(await storage.get(page)).toEqual(text(page));
    });

    it('lists by prefix, whether or not the prefix ends at a slash', async () => {
      const all = ['repository', 'packs/ab/ab12', 'packs/ab/ab13', 'packs/ac/ac00', 'packs.d', 'index/ab'];
      for (const each of all) await storage.put(parseObjectName(each), text(each));
      expect(await names(storage, '')).toEqual([...all].sort());
      expect(await names(storage, 'packs/')).toEqual(['packs/ab/ab12', 'packs/ab/ab13', 'packs/ac/ac00']);
      expect(await names(storage, 'packs/ab/ab1')).toEqual(['packs/ab/ab12', 'packs/ab/ab13']);
      expect(await names(storage, 'packs/a')).toEqual(['packs/ab/ab12', 'packs/ab/ab13', 'packs/ac/ac00']);
      expect(await names(storage, 'packs')).toEqual([
        'packs.d',
        'packs/ab/ab12',
        'packs/ab/ab13',
        'packs/ac/ac00',
      ]);
      expect(await names(storage, 'repository')).toEqual(['repository']);
      expect(await names(storage, 'repository/')).toEqual([]);
      expect(await names(storage, 'absent/folder/')).toEqual([]);
    });

    it('states size and a time near now when it lists', async () => {
      await storage.put(name, text('12345'));
      const [info] = await collect(storage.list('packs/'));
      expect(info).toEqual(await storage.stat(name));
      expect(info?.size).toBe(5);
      expect(Math.abs((info?.modifiedMs ?? 0) - Date.now())).toBeLessThan(60_000);
    });

    it('lists what stays exactly once while other objects come and go', async () => {
      const stays = Array.from({ length: 60 }, (_, i) => parseObjectName(`packs/${i % 6}/stays${i}`));
      for (const each of stays) await storage.put(each, text(each));
      const churn = (async () => {
        for (let i = 0; i < 40; i += 1) {
          const comes = parseObjectName(`packs/${i % 8}/comes${i}`);
          await storage.put(comes, text('x'));
          if (i % 2 === 0) await storage.delete(comes);
        }
      })();
      const seen: string[] = [];
      for await (const info of storage.list('packs/')) {
        seen.push(info.name);
        await new Promise((done) => setImmediate(done));
      }
      await churn;
      expect(seen.filter((each) => each.includes('stays')).sort()).toEqual([...stays].sort());
      expect(new Set(seen).size).toBe(seen.length);
    });

    it('deletes, also what is absent, and the name is free again', async () => {
      await storage.delete(name);
      await storage.put(name, text('old'));
      await storage.delete(name);
      await storage.delete(name);
      expect(await storage.stat(name)).toBeUndefined();
      expect(await names(storage, '')).toEqual([]);
      await storage.put(name, text('new'));
      expect(await storage.get(name)).toEqual(text('new'));
    });

    it('says STORAGE_NOT_FOUND with operation and object for what is absent', async () => {
      const expected = { code: 'STORAGE_NOT_FOUND', details: { operation: 'read', object: name } };
      await expect(storage.get(name)).rejects.toMatchObject(expected);
      await expect(storage.get(name, { offset: 0, length: 1 })).rejects.toMatchObject(expected);
      await expect(streamed(storage, name)).rejects.toMatchObject(expected);
      await storage.put(parseObjectName('packs/ab/other'), text('x'));
      await expect(storage.get(name)).rejects.toMatchObject(expected);
      expect(await storage.stat(name)).toBeUndefined();
    });

    it('lets a reader leave a stream early', async () => {
      await storage.put(name, new Uint8Array(2 * MiB).fill(7));
      for await (const part of storage.read(name)) {
        expect(part[0]).toBe(7);
        break;
      }
      expect((await streamed(storage, name)).length).toBe(2 * MiB);
    });

    it.each([
      '',
      '/',
      '/etc/passwd',
      '..',
      '../x',
      'packs/../../x',
      'packs/./x',
      'packs//x',
      'packs/',
      '.hidden',
      'a..b',
      'a.',
      'Packs/AB',
      'a b',
      'a\\b',
      'a\0b',
      'ä',
      'a\n',
      'c:x',
      `${'a'.repeat(100)}/${'b'.repeat(100)}`,
    ])('refuses the name %j in every call', async (bad) => {
      const unsafe = bad as ObjectName;
      const expected = { code: 'PATH_UNSAFE' };
      expect(() => parseObjectName(bad)).toThrow(expect.objectContaining(expected));
      await expect(storage.put(unsafe, text('x'))).rejects.toMatchObject(expected);
      await expect(storage.get(unsafe)).rejects.toMatchObject(expected);
      await expect(streamed(storage, unsafe)).rejects.toMatchObject(expected);
      await expect(storage.stat(unsafe)).rejects.toMatchObject(expected);
      await expect(storage.delete(unsafe)).rejects.toMatchObject(expected);
      const writer = await storage.create();
      await expect(writer.commit(unsafe)).rejects.toMatchObject(expected);
      await writer.abort();
      expect(await names(storage, '')).toEqual([]);
    });

    it('refuses to put into tmp/, and prefixes that no name begins with', async () => {
      const expected = { code: 'PATH_UNSAFE' };
      await expect(storage.put(parseObjectName('tmp/x'), text('x'))).rejects.toMatchObject(expected);
      const writer = await storage.create();
      await expect(writer.commit(parseObjectName('tmp/x'))).rejects.toMatchObject(expected);
      await writer.abort();
      for (const bad of ['/', '..', '../', 'packs//', 'packs/../', '.', `${'a.'.repeat(30)}!`]) {
        await expect(collect(storage.list(bad)), bad).rejects.toMatchObject(expected);
      }
    });

    it('knows of nothing foreign in a fresh storage, and tells its free space as a number', async () => {
      await storage.put(name, text('x'));
      expect(await collect(storage.listForeign())).toEqual([]);
      if (storage.freeSpace) expect(await storage.freeSpace()).toBeGreaterThan(MiB);
    });

    it('refuses every call after close, which may be repeated', async () => {
      await storage.put(name, text('x'));
      const writer = await storage.create();
      await writer.write(text('half'));
      await storage.close();
      await storage.close();
      await expect(storage.get(name)).rejects.toThrow(TypeError);
      await expect(storage.put(name, text('x'))).rejects.toThrow(TypeError);
      await expect(storage.create()).rejects.toThrow(TypeError);
      await expect(storage.stat(name)).rejects.toThrow(TypeError);
      await expect(storage.delete(name)).rejects.toThrow(TypeError);
      await expect(streamed(storage, name)).rejects.toThrow(TypeError);
      await expect(collect(storage.list(''))).rejects.toThrow(TypeError);
      await expect(collect(storage.listForeign())).rejects.toThrow(TypeError);
      await expect(writer.commit(name)).rejects.toThrow(TypeError);
      await writer.abort();
    });
  });
}

/** All that `source` gives. */
export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const each of source) all.push(each);
  return all;
}

/** The sorted names that `list(prefix)` gives. */
export async function names(storage: Storage, prefix: string): Promise<string[]> {
  return (await collect<ObjectInfo>(storage.list(prefix))).map((info) => info.name).sort();
}

async function streamed(storage: Storage, name: ObjectName): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  for await (const part of storage.read(name)) parts.push(Buffer.from(part));
  return new Uint8Array(Buffer.concat(parts));
}

// toEqual compares millions of bytes one by one through its own machinery.
function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
