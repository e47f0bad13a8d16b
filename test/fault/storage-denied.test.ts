/** A local storage that this user may not write, or not even read. */

import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLocalStorage } from '#nbak/storage/local.js';
import { parseObjectName } from '#nbak/storage/storage.js';
import { names } from '../contract/storage.contract.js';
import { isRoot, NOBODY, reports, startScript, storageScript } from '../support/storage-process.js';

const SCRIPT = `
const storage = await openLocalStorage(root, { mode: 'existing' });
const seen = [];
for await (const info of storage.list('')) seen.push(info.name);
report({
  list: seen,
  get: await codeOf(storage.get('index/1')),
  stat: await codeOf(storage.stat('index/1')),
  putSame: await codeOf(storage.put('index/1', text('one'))),
  putNew: await codeOf(storage.put('index/2', text('two'))),
  create: await codeOf(storage.create()),
  delete: await codeOf(storage.delete('index/1')),
});
await storage.close();
`;

// As root nothing is denied by modes: the process under test is nobody's. Otherwise it is ours, and the modes suffice.
const uid = isRoot ? NOBODY : undefined;

describe('a local storage without write access', () => {
  let directory: string;
  let root: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'nbak-denied-'));
    root = join(directory, 'repository');
    const storage = await openLocalStorage(root, { mode: 'create' });
    await storage.put(parseObjectName('index/1'), new TextEncoder().encode('one'));
    await storage.close();
    if (uid !== undefined) {
      for (const path of ['', 'index', 'tmp', 'index/1']) await chown(join(root, path), uid, uid);
    }
  });
  afterEach(async () => {
    for (const path of ['', 'index', 'tmp']) await chmod(join(root, path), 0o700);
    await rm(directory, { recursive: true });
  });

  it('is read, and refuses each change with STORAGE_DENIED', async () => {
    for (const path of ['index', 'tmp', '']) await chmod(join(root, path), 0o500);
    const script = await storageScript(directory, SCRIPT);
    expect(await reports(startScript(script, root, uid))).toEqual([
      {
        list: ['index/1'],
        get: 'fine',
        stat: 'fine',
        putSame: 'fine',
        putNew: 'STORAGE_DENIED',
        create: 'STORAGE_DENIED',
        delete: 'STORAGE_DENIED',
      },
    ]);
    for (const path of ['', 'index', 'tmp']) await chmod(join(root, path), 0o700);
    const storage = await openLocalStorage(root, { mode: 'existing' });
    expect(await names(storage, '')).toEqual(['index/1']);
    await storage.close();
  });

  it('says STORAGE_DENIED, not "absent", of what it may not read', async () => {
    await chmod(join(root, 'index'), 0o000);
    const script = await storageScript(
      directory,
      `
const storage = await openLocalStorage(root, { mode: 'existing' });
const list = async () => { for await (const info of storage.list('')) void info; };
report([await codeOf(storage.get('index/1')), await codeOf(storage.stat('index/1')), await codeOf(list())]);
report(await codeOf(openLocalStorage(root + '/index/below', { mode: 'create' })));
report(await codeOf(openLocalStorage(root + '/index/below', { mode: 'existing' })));
`,
    );
    expect(await reports(startScript(script, root, uid))).toEqual([
      Array(3).fill('STORAGE_DENIED'),
      'STORAGE_DENIED',
      'STORAGE_DENIED',
    ]);
  });
});
