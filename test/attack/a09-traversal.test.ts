/** A9: a validly signed page whose paths would leave the target is refused before anything is written. */

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isNbakError } from '#nbak/errors.js';
import { judge, judgeDecrypted, restoreBackup, withDirectory } from '../support/engine-run.js';
import { Insider, type ForgedEntry } from '../support/insider.js';
import { emptyRepository, KEY_BYTES, type TestRepository } from '../support/tiny-repository.js';

const ROOT: ForgedEntry = { path: '' };

async function forged(...pages: readonly (readonly ForgedEntry[])[]): Promise<TestRepository> {
  const repository = await emptyRepository();
  await new Insider(repository.unlocked).storeBackup(...pages);
  return repository;
}

/** Restores into a directory among others and tells what came of it and what lies around the target. */
async function restoring(repository: TestRepository) {
  return withDirectory(async (directory) => {
    mkdirSync(join(directory, 'outside'));
    writeFileSync(join(directory, 'outside', 'keep'), 'untouched');
    const target = join(directory, 'in', 'target');
    let code: string | undefined;
    let failed: readonly string[] = [];
    try {
      failed = (await restoreBackup(repository.storage, KEY_BYTES, { target })).failed.map(
        (each) => each.code,
      );
    } catch (error) {
      if (!isNbakError(error)) throw error;
      code = error.code;
    }
    expect(readFileSync(join(directory, 'outside', 'keep'), 'utf8')).toBe('untouched');
    expect(readdirSync(join(directory, 'outside'))).toEqual(['keep']);
    const beside = readdirSync(directory).filter((name) => name !== 'outside' && name !== 'in');
    const around = existsSync(join(directory, 'in')) ? readdirSync(join(directory, 'in')) : [];
    expect([...beside, ...around.filter((name) => name !== 'target')]).toEqual([]);
    const written = existsSync(target) ? (readdirSync(target, { recursive: true }) as string[]).sort() : [];
    return {
      code,
      failed,
      written,
      target,
      read: (name: string) => readFileSync(join(target, name), 'utf8'),
    };
  });
}

const long = 'n'.repeat(256);
const UNSAFE: Readonly<Record<string, string>> = {
  'a parent': '..',
  'a file in the parent': '../escaped',
  'a file beside the target': '../../outside/keep',
  'a parent in the middle': 'd/../../escaped',
  'a parent at the end': 'd/..',
  'the directory itself': './escaped',
  'an absolute path': '/tmp/nbak-escaped',
  'two slashes': 'd//escaped',
  'a slash at the end': 'escaped/',
  'a zero byte': 'esc\0aped',
  'a zero byte behind a parent': '..\0',
  'a component over 255 bytes': long,
  'a path over 4096 bytes': Array.from({ length: 20 }, () => 'n'.repeat(254)).join('/'),
};

describe('A9 path traversal', () => {
  for (const [what, path] of Object.entries(UNSAFE)) {
    it(`A9: ${what} is refused as PATH_UNSAFE by verify and by restore, and nothing is written`, async () => {
      const repository = await forged([ROOT, { path, content: 'payload' }]);
      const { exit, codes } = await judge(repository.storage, repository.publicKey);
      expect({ exit, codes }).toEqual({ exit: 21, codes: ['PATH_UNSAFE'] });
      expect((await judgeDecrypted(repository.storage, KEY_BYTES)).exit).toBe(21);
      expect(await restoring(repository)).toMatchObject({ code: 'PATH_UNSAFE', written: [] });
    });
  }

  it('A9: an unsafe path behind thousands of good ones is found before the first is written', async () => {
    const many = Array.from({ length: 3000 }, (_, i): ForgedEntry => ({
      path: `f${String(i).padStart(5, '0')}`,
      content: '',
    }));
    const repository = await forged([ROOT, ...many], [{ path: 'g/../../escaped', content: 'payload' }]);
    expect(await restoring(repository)).toMatchObject({ code: 'PATH_UNSAFE', written: [] });
  });

  it('A9: an unsafe name of a root is refused', async () => {
    for (const name of ['..', '.', 'a/b', '', 'a\0b']) {
      const repository = await emptyRepository();
      const insider = new Insider(repository.unlocked);
      const { page, blobs } = insider.pageOf([ROOT, { path: 'f', content: 'payload' }]);
      await insider.storePack(blobs);
      const roots = ['s', name].map((each) => ({ name: each as never, path: '/s' as never, entries: 2 }));
      const id = await insider.storePage(page);
      const totals = { files: 2, directories: 2, others: 0, bytes: 14 };
      await insider.storeManifest([id, id], { entries: 2, totals, detail: { roots } });
      const { ok, exit } = await judge(repository.storage, repository.publicKey);
      expect({ name, ok }).toEqual({ name, ok: false });
      expect([20, 21]).toContain(exit);
      expect((await restoring(repository)).written).toEqual([]);
    }
  });

  for (const [what, entries] of Object.entries({
    'the same path twice': [ROOT, { path: 'f', content: 'one' }, { path: 'f', content: 'two' }],
    'a directory and a file of one path': [ROOT, { path: 'f' }, { path: 'f', content: 'two' }],
    'paths out of order': [ROOT, { path: 'g', content: 'one' }, { path: 'f', content: 'two' }],
    'an entry below a file': [ROOT, { path: 'f', content: 'one' }, { path: 'f/g', content: 'two' }],
    'an entry without its directory': [ROOT, { path: 'd/f', content: 'one' }],
    'no root': [{ path: 'f', content: 'one' }],
    'the root twice': [ROOT, ROOT, { path: 'f', content: 'one' }],
  } satisfies Record<string, readonly ForgedEntry[]>)) {
    it(`A9: ${what} is refused by verify and by restore, in one page and over two, and nothing is written`, async () => {
      const split = entries.map((entry) => [entry]);
      for (const pages of [[entries], split]) {
        const repository = await forged(...pages);
        const { ok, exit } = await judge(repository.storage, repository.publicKey);
        expect({ ok, pages: pages.length }).toEqual({ ok: false, pages: pages.length });
        expect([20, 21]).toContain(exit);
        const { code, written } = await restoring(repository);
        expect(['FORMAT_INVALID', 'REFERENCE_TAMPERED']).toContain(code);
        expect(written).toEqual([]);
      }
    });
  }

  it('A9: case variants, backslashes, drives, reserved names, controls and bytes that are no text are names like others', async () => {
    const names = ['A', 'C:', 'CON', 'a', 'a\\..\\b', 'c\u0001\u001b[2J', 'nul.txt', '\xff\xfe'];
    const repository = await forged([
      ROOT,
      ...names.map((path) => ({ path, content: `content of ${path}` })),
    ]);
    expect(await judge(repository.storage, repository.publicKey)).toMatchObject({ ok: true });
    await withDirectory(async (directory) => {
      const target = join(directory, 't');
      const { failed } = await restoreBackup(repository.storage, KEY_BYTES, { target });
      expect(failed).toEqual([]);
      const found = readdirSync(Buffer.from(target), 'buffer').map((name) => name.toString('latin1'));
      expect(found.sort()).toEqual([...names].sort());
      expect(readdirSync(directory)).toEqual(['t']);
    });
  });
});
