/** A process that is killed while it writes to a local storage. */

import { once } from 'node:events';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLocalStorage } from '#nbak/storage/local.js';
import { parseObjectName } from '#nbak/storage/storage.js';
import { collect, names } from '../contract/storage.contract.js';
import { startScript, storageScript } from '../support/storage-process.js';

describe('kill -9 of a writer', () => {
  let directory: string;
  let root: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'nbak-killed-'));
    root = join(directory, 'repository');
  });
  afterEach(() => rm(directory, { recursive: true }));

  /** Runs `code` and kills it `delay` ms after its first line of output. */
  async function killed(code: string, delay: number): Promise<void> {
    const child = startScript(await storageScript(directory, code), root);
    const closed = once(child, 'close');
    if (child.stdout === null) throw new Error('no output');
    await once(child.stdout, 'data');
    await sleep(delay);
    child.kill('SIGKILL');
    expect((await closed)[1]).toBe('SIGKILL');
  }

  it('in the middle of an object leaves that object under tmp/ only, and the next writer is not disturbed', async () => {
    await killed(
      `
const storage = await openLocalStorage(root, { mode: 'create' });
await storage.put('index/1', text('done'));
const writer = await storage.create();
await writer.write(new Uint8Array(3_000_000));
report('half');
setInterval(() => undefined, 1000);
`,
      0,
    );
    const storage = await openLocalStorage(root, { mode: 'existing' });
    const [left, ...others] = await collect(storage.list('tmp/'));
    // What was handed over is written behind the writer's back, a step at a time.
    expect(left?.size).toBeGreaterThan(0);
    expect(left?.size).toBeLessThan(3_000_000);
    expect(others).toEqual([]);
    expect(await names(storage, '')).toEqual(['index/1', left?.name]);
    if (left) await storage.delete(left.name);
    await storage.put(parseObjectName('packs/ab/ab12'), new Uint8Array(3));
    expect(await names(storage, '')).toEqual(['index/1', 'packs/ab/ab12']);
    await storage.close();
  });

  it.each([0, 3, 10, 25, 60])('after %i ms of many writes leaves whole objects only', async (delay) => {
    await killed(
      `
import { createHash } from 'node:crypto';
const storage = await openLocalStorage(root, { mode: 'create' });
report('begin');
for (let i = 0; ; i += 8) {
  await Promise.all([...Array(8).keys()].map(async (k) => {
    const bytes = new Uint8Array(1 + (i * 7919 + k * 104729) % 300_000).fill(i + k);
    const name = 'packs/' + createHash('sha256').update(bytes).digest('hex');
    if (k % 2 === 0) return storage.put(name, bytes);
    const writer = await storage.create();
    for (let at = 0; at < bytes.length; at += 50_000) await writer.write(bytes.subarray(at, at + 50_000));
    await writer.commit(name);
  }));
}
`,
      delay,
    );
    const storage = await openLocalStorage(root, { mode: 'existing' });
    for await (const { name } of storage.list('packs/')) {
      const hash = createHash('sha256')
        .update(await storage.get(name))
        .digest('hex');
      expect(name).toBe(`packs/${hash}`);
    }
    for (const name of await names(storage, '')) expect(name).toMatch(/^(?:packs|tmp)\//u);
    expect(await collect(storage.listForeign())).toEqual([]);
    await storage.close();
  });
});
