/** What lies on disk under a local storage, and what somebody else may have put there. */

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLocalStorage } from '#nbak/storage/local.js';
import { parseObjectName, type Storage } from '#nbak/storage/storage.js';
import { collect, names } from '../contract/storage.contract.js';

const text = (value: string) => new TextEncoder().encode(value);
const name = parseObjectName('packs/ab/ab12');

describe('a local storage', () => {
  let directory: string;
  let root: string;
  let storage: Storage;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'nbak-local-'));
    root = join(directory, 'repository');
    storage = await openLocalStorage(root, { mode: 'create' });
  });
  afterEach(async () => {
    await storage.close();
    await rm(directory, { recursive: true });
  });

  const mode = async (path: string) => ((await lstat(join(root, path))).mode & 0o777).toString(8);

  it('makes objects 0600 and folders 0700, whatever the umask, and leaves nothing in tmp/', async () => {
    const umask = process.umask(0);
    try {
      const open = await openLocalStorage(join(directory, 'a/b'), { mode: 'create' });
      await open.put(name, text('x'));
      await open.close();
    } finally {
      process.umask(umask);
    }
    root = join(directory, 'a/b');
    expect(await Promise.all(['', '..', 'packs', 'packs/ab', 'tmp'].map(mode))).toEqual(Array(5).fill('700'));
    expect(await mode('packs/ab/ab12')).toBe('600');
    expect((await lstat(join(root, 'packs/ab/ab12'))).nlink).toBe(1);
    expect(await readdir(join(root, 'tmp'))).toEqual([]);
  });

  it('makes a half-written object 0600 from its first byte, in tmp/', async () => {
    const writer = await storage.create();
    const [file] = await readdir(join(root, 'tmp'));
    expect(await mode(`tmp/${file ?? ''}`)).toBe('600');
    await writer.abort();
    expect(await readdir(join(root, 'tmp'))).toEqual([]);
  });

  it('drops what is half-written when it is closed', async () => {
    for (const size of [0, 10]) await (await storage.create()).write(new Uint8Array(size));
    expect(await readdir(join(root, 'tmp'))).toHaveLength(2);
    await storage.close();
    expect(await readdir(join(root, 'tmp'))).toEqual([]);
  });

  it('writes nothing when an existing directory is opened, listed and read', async () => {
    await mkdir(join(directory, 'other'));
    const other = await openLocalStorage(join(directory, 'other'), { mode: 'existing' });
    expect(await names(other, '')).toEqual([]);
    await expect(other.get(name)).rejects.toMatchObject({ code: 'STORAGE_NOT_FOUND' });
    await other.delete(name);
    expect(await readdir(join(directory, 'other'))).toEqual([]);
    await other.close();
  });

  it('finds no repository where there is no directory, or a file', async () => {
    await writeFile(join(directory, 'file'), 'x');
    for (const path of ['absent', 'file', 'file/below']) {
      const opening = openLocalStorage(join(directory, path), { mode: 'existing' });
      await expect(opening, path).rejects.toMatchObject({ code: 'REPOSITORY_NOT_FOUND', exitCode: 10 });
    }
    expect(existsSync(join(directory, 'absent'))).toBe(false);
  });

  it('refuses to create in a directory that holds other things, and changes nothing there', async () => {
    await mkdir(join(directory, 'home'));
    await writeFile(join(directory, 'home/thesis.md'), 'mine');
    const opening = openLocalStorage(join(directory, 'home'), { mode: 'create' });
    await expect(opening).rejects.toMatchObject({ code: 'TARGET_NOT_EMPTY' });
    expect(await readdir(join(directory, 'home'))).toEqual(['thesis.md']);
  });

  it('creates again where an interrupted creation left its folders, also on a fresh disk', async () => {
    await storage.put(parseObjectName('epochs/1.ab'), text('x'));
    await mkdir(join(root, 'lost+found'));
    const again = await openLocalStorage(root, { mode: 'create' });
    expect(await again.get(parseObjectName('epochs/1.ab'))).toEqual(text('x'));
    await again.close();
  });

  it('may be opened over a link to its directory', async () => {
    await storage.put(name, text('x'));
    await symlink(root, join(directory, 'link'));
    const linked = await openLocalStorage(join(directory, 'link'), { mode: 'existing' });
    expect(await linked.get(name)).toEqual(text('x'));
    await linked.close();
  });

  it('follows no link planted in the place of an object', async () => {
    const secret = join(directory, 'secret');
    await writeFile(secret, 'secret');
    await mkdir(join(root, 'packs/ab'), { recursive: true });
    await symlink(secret, join(root, name));
    const refused = { code: 'STORAGE_FAILED', details: { object: name } };
    await expect(storage.get(name)).rejects.toMatchObject(refused);
    await expect(collect(storage.read(name))).rejects.toMatchObject(refused);
    await expect(storage.stat(name)).rejects.toMatchObject(refused);
    await expect(storage.put(name, text('secret'))).rejects.toMatchObject(refused);
    const writer = await storage.create();
    await writer.write(text('secret'));
    await expect(writer.commit(name)).rejects.toMatchObject(refused);
    expect(await names(storage, '')).toEqual([]);
    expect(await collect(storage.listForeign())).toEqual([{ name: 'packs/ab/ab12' }]);
    await storage.delete(name);
    expect(await readFile(secret, 'utf8')).toBe('secret');
    expect(await collect(storage.listForeign())).toEqual([]);
  });

  it('follows no link planted in the place of a folder', async () => {
    const outside = join(directory, 'outside');
    await mkdir(join(outside, 'ab'), { recursive: true });
    await writeFile(join(outside, 'ab/ab12'), 'secret');
    await symlink(outside, join(root, 'packs'));
    const refused = { code: 'STORAGE_FAILED' };
    await expect(storage.get(name)).rejects.toMatchObject(refused);
    await expect(storage.stat(name)).rejects.toMatchObject(refused);
    await expect(storage.delete(name)).rejects.toMatchObject(refused);
    await expect(storage.put(parseObjectName('packs/ab/new'), text('x'))).rejects.toMatchObject(refused);
    await expect(collect(storage.list('packs/'))).rejects.toMatchObject(refused);
    expect(await names(storage, '')).toEqual([]);
    expect(await collect(storage.listForeign())).toEqual([{ name: 'packs' }]);
    expect(await readdir(join(outside, 'ab'))).toEqual(['ab12']);
  });

  it('is not held up by a pipe planted in the place of an object', async () => {
    execFileSync('mkfifo', [join(root, 'repository')]);
    await expect(storage.get(parseObjectName('repository'))).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
    });
    expect(await collect(storage.listForeign())).toEqual([{ name: 'repository' }]);
  });

  it('names foreign files without the control characters of their names, and folders once', async () => {
    await storage.put(name, text('x'));
    await writeFile(join(root, 'packs/ab/\u001b[31mred\n'), 'x');
    await writeFile(join(root, 'index.JSON'), 'x');
    await mkdir(join(root, 'lost+found'));
    await writeFile(join(root, 'lost+found/deep'), 'x');
    expect(await names(storage, '')).toEqual([name]);
    expect((await collect(storage.listForeign())).map((entry) => entry.name).sort()).toEqual([
      'index.JSON',
      'lost+found/',
      'packs/ab/\uFFFD[31mred\uFFFD',
    ]);
  });

  it('takes the time of an object from the disk', async () => {
    await storage.put(name, text('x'));
    await utimes(join(root, name), 1_000_000, 1_000_000);
    expect((await storage.stat(name))?.modifiedMs).toBe(1_000_000_000);
  });

  it('does not touch an object that was damaged in place, and says that the name is taken', async () => {
    await storage.put(name, text('content'));
    await truncate(join(root, name), 3);
    await expect(storage.put(name, text('content'))).rejects.toMatchObject({ code: 'STORAGE_EXISTS' });
    expect(await storage.get(name)).toEqual(text('con'));
  });

  it('makes its folders again when somebody removed them', async () => {
    await storage.put(name, text('x'));
    await rm(join(root, 'packs'), { recursive: true });
    await rm(join(root, 'tmp'), { recursive: true });
    await storage.put(name, text('y'));
    expect(await storage.get(name)).toEqual(text('y'));
  });

  it('fails a commit whose temporary file was removed, and leaves no object', async () => {
    const writer = await storage.create();
    await writer.write(text('half'));
    const [file] = await readdir(join(root, 'tmp'));
    await unlink(join(root, 'tmp', file ?? ''));
    await expect(writer.commit(name)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    await writer.abort();
    expect(await names(storage, '')).toEqual([]);
  });

  it('reports a repository that vanished under it, instead of an empty one', async () => {
    await storage.put(name, text('x'));
    await rename(root, join(directory, 'moved'));
    await expect(collect(storage.list(''))).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    await expect(storage.create()).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    expect(existsSync(root)).toBe(false);
  });

  it('keeps write-once between two processes on one directory', async () => {
    const other = await openLocalStorage(root, { mode: 'existing' });
    const [mine, theirs] = [await storage.create(), await other.create()];
    await mine.write(text('mine'));
    await theirs.write(text('theirs'));
    const results = await Promise.allSettled([mine.commit(name), theirs.commit(name)]);
    expect(results.map((result) => result.status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await storage.get(name)).toEqual(text(results[0].status === 'fulfilled' ? 'mine' : 'theirs'));
    expect(await readdir(join(root, 'tmp'))).toEqual([]);
    await other.close();
  });

  it('reads objects that have hard links and other modes, as a copied repository may', async () => {
    await storage.put(name, text('x'));
    await link(join(root, name), join(directory, 'second'));
    await chmod(join(root, name), 0o444);
    expect(await storage.get(name)).toEqual(text('x'));
    await storage.put(name, text('x'));
  });
});
