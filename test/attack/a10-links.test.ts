/** A10: no link in the backup, in the target or made while restoring leads a write outside the target. */

import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isNbakError } from '#nbak/errors.js';
import type { RestoreResult } from '#nbak/restore/result.js';
import { judge, restoreBackup, withDirectory } from '../support/engine-run.js';
import { Insider, type ForgedEntry } from '../support/insider.js';
import { emptyRepository, KEY_BYTES, type TestRepository } from '../support/tiny-repository.js';

const ROOT: ForgedEntry = { path: '' };

async function forged(...pages: readonly (readonly ForgedEntry[])[]): Promise<TestRepository> {
  const repository = await emptyRepository();
  await new Insider(repository.unlocked).storeBackup(...pages);
  return repository;
}

interface Place {
  readonly directory: string;
  readonly outside: string;
  readonly target: string;
}

/** Runs `attack` beside a directory that must stay as it is. */
async function guarded(attack: (place: Place) => Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    const outside = join(directory, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'keep'), 'untouched');
    chmodSync(join(outside, 'keep'), 0o640);
    const before = statSync(join(outside, 'keep'));
    await attack({ directory, outside, target: join(directory, 'target') });
    expect(readdirSync(outside)).toEqual(['keep']);
    expect(readFileSync(join(outside, 'keep'), 'utf8')).toBe('untouched');
    const { mode, mtimeMs, nlink, uid, gid } = statSync(join(outside, 'keep'));
    expect({ mode, mtimeMs, nlink, uid, gid }).toEqual({
      mode: before.mode,
      mtimeMs: before.mtimeMs,
      nlink: before.nlink,
      uid: before.uid,
      gid: before.gid,
    });
  });
}

async function attempt(run: () => Promise<RestoreResult>): Promise<RestoreResult | string> {
  try {
    return await run();
  } catch (error) {
    if (!isNbakError(error)) throw error;
    return error.code;
  }
}

describe('A10 links', () => {
  it('A10: an entry below a symbolic link is refused by verify and restore, in one page and over two', async () => {
    await guarded(async ({ outside, target }) => {
      const link: ForgedEntry = { path: 'l', kind: 'symlink', extra: { target: outside } };
      const below: ForgedEntry = { path: 'l/keep', content: 'overwritten' };
      for (const pages of [
        [[ROOT, link, below]],
        [[ROOT, link], [below]],
        [[ROOT, link, { path: 'l/new' }]],
      ]) {
        const repository = await forged(...pages);
        const { ok } = await judge(repository.storage, repository.publicKey);
        expect(ok).toBe(false);
        const code = await attempt(() => restoreBackup(repository.storage, KEY_BYTES, { target }));
        expect(['FORMAT_INVALID', 'REFERENCE_TAMPERED']).toContain(code);
        expect(existsSync(target)).toBe(false);
      }
    });
  });

  it('A10: a link and a file of one name, the second through the first, are refused', async () => {
    await guarded(async ({ outside, target }) => {
      const link: ForgedEntry = { path: 'f', kind: 'symlink', extra: { target: join(outside, 'keep') } };
      const file: ForgedEntry = { path: 'f', content: 'overwritten' };
      for (const pages of [[[ROOT, link, file]], [[ROOT, file, link]], [[ROOT, link], [file]]]) {
        const repository = await forged(...pages);
        expect((await judge(repository.storage, repository.publicKey)).ok).toBe(false);
        const code = await attempt(() => restoreBackup(repository.storage, KEY_BYTES, { target }));
        expect(['FORMAT_INVALID', 'REFERENCE_TAMPERED']).toContain(code);
        expect(existsSync(target)).toBe(false);
      }
    });
  });

  it('A10: a link whose target leads outside is restored as a link, and nothing behind it is touched', async () => {
    await guarded(async ({ outside, target }) => {
      const keep = join(outside, 'keep');
      const repository = await forged([
        ROOT,
        { path: 'd' },
        { path: 'd/up', kind: 'symlink', extra: { target: '../../outside' } },
        { path: 'l', kind: 'symlink', extra: { target: keep } },
      ]);
      const result = await restoreBackup(repository.storage, KEY_BYTES, { target });
      expect(result).toMatchObject({ links: 2, failed: [] });
      expect(readlinkSync(join(target, 'l'))).toBe(keep);
      expect(readlinkSync(join(target, 'd', 'up'))).toBe('../../outside');
    });
  });

  it('A10: a root that is a link does not replace the target', async () => {
    await guarded(async ({ outside, target }) => {
      const repository = await forged([{ path: '', kind: 'symlink', extra: { target: outside } }]);
      const code = await attempt(() => restoreBackup(repository.storage, KEY_BYTES, { target }));
      expect(typeof code).toBe('string');
      expect(lstatSync(target, { throwIfNoEntry: false })?.isSymbolicLink() ?? false).toBe(false);
    });
  });

  it('A10: a target that is a link, to a directory or to nothing, is refused', async () => {
    const repository = await forged([ROOT, { path: 'f', content: 'content' }]);
    await guarded(async ({ directory, outside, target }) => {
      const empty = join(directory, 'empty');
      mkdirSync(empty, { mode: 0o755 });
      for (const to of [outside, empty, join(directory, 'absent'), join(outside, 'keep')]) {
        const link = `${target}-${String(readdirSync(directory).length)}`;
        symlinkSync(to, link);
        const code = await attempt(() => restoreBackup(repository.storage, KEY_BYTES, { target: link }));
        expect(code).toBe('TARGET_FAILED');
      }
      expect(readdirSync(empty)).toEqual([]);
      expect(statSync(empty).mode & 0o777).toBe(0o755);
      expect(existsSync(join(directory, 'absent'))).toBe(false);
    });
  });

  it('A10: a target with anything in it, a planted link for one, is refused and left alone', async () => {
    const repository = await forged([ROOT, { path: 'd' }, { path: 'd/f', content: 'content' }]);
    await guarded(async ({ outside, target }) => {
      mkdirSync(target, { mode: 0o755 });
      symlinkSync(outside, join(target, 'd'));
      const code = await attempt(() => restoreBackup(repository.storage, KEY_BYTES, { target }));
      expect(code).toBe('TARGET_NOT_EMPTY');
      expect(readdirSync(target)).toEqual(['d']);
      expect(statSync(target).mode & 0o777).toBe(0o755);
    });
  });

  it('A10: a file in the place of the target is refused and left alone', async () => {
    const repository = await forged([ROOT, { path: 'f', content: 'content' }]);
    await guarded(async ({ target }) => {
      writeFileSync(target, 'mine');
      const code = await attempt(() => restoreBackup(repository.storage, KEY_BYTES, { target }));
      expect(code).toBe('TARGET_FAILED');
      expect(readFileSync(target, 'utf8')).toBe('mine');
    });
  });

  it('A10: a hard-link group whose entries have different contents never gives one the content of another', async () => {
    await guarded(async ({ target }) => {
      const repository = await forged([
        ROOT,
        { path: 'a', content: 'harmless', extra: { hardLink: 1 } },
        { path: 'b', content: 'precious', extra: { hardLink: 1 } },
      ]);
      await attempt(() => restoreBackup(repository.storage, KEY_BYTES, { target }));
      const restored = existsSync(join(target, 'b')) ? readFileSync(join(target, 'b'), 'utf8') : 'precious';
      expect(restored).toBe('precious');
    });
  });

  it('A10: a hard-link group with one member that does not verify is not linked to anything', async () => {
    await guarded(async ({ outside, target }) => {
      const repository = await forged([
        ROOT,
        { path: 'a', content: 'harmless', extra: { hardLink: 7 }, size: 99 },
        { path: 'l', kind: 'symlink', extra: { target: join(outside, 'keep') } },
        { path: 'z', content: 'precious', extra: { hardLink: 7 } },
      ]);
      const result = await attempt(() => restoreBackup(repository.storage, KEY_BYTES, { target }));
      expect(result).toMatchObject({ failed: [{ path: 'a', code: 'CONTENT_TAMPERED' }] });
      expect(readFileSync(join(target, 'z'), 'utf8')).toBe('precious');
      expect(existsSync(join(target, 'a'))).toBe(false);
    });
  });

  it('A10: directories of the hidden tree that are swapped for links while restoring lead no file outside', async () => {
    // More than are under way at once: `d` is open when it is swapped, `e` is not yet.
    const files = Array.from({ length: 1200 }, (_, i): ForgedEntry => ({
      path: `d/f${String(i).padStart(4, '0')}`,
      content: `content ${String(i)}`,
    }));
    const repository = await forged([
      ROOT,
      { path: 'd' },
      ...files,
      { path: 'e' },
      { path: 'e/f', content: 'last' },
    ]);
    await guarded(async ({ directory, outside, target }) => {
      let swapped = 0;
      const code = await attempt(() =>
        restoreBackup(repository.storage, KEY_BYTES, {
          target,
          onProgress: () => {
            if (swapped > 0) return;
            for (const name of ['d', 'e']) {
              renameSync(join(hiddenTree(target), name), join(directory, `moved-${name}`));
              symlinkSync(outside, join(hiddenTree(target), name));
            }
            swapped += 1;
          },
        }),
      );
      expect(swapped).toBe(1);
      expect(code).toBe('TARGET_FAILED');
    });
  });

  it('A10: the hidden tree itself, swapped for a link while restoring, leads no file outside', async () => {
    const repository = await forged([
      ROOT,
      { path: 'a', content: 'first' },
      { path: 'b', content: 'second' },
    ]);
    await guarded(async ({ directory, outside, target }) => {
      let swapped = 0;
      await attempt(() =>
        restoreBackup(repository.storage, KEY_BYTES, {
          target,
          onProgress: () => {
            if (swapped > 0) return;
            const tree = hiddenTree(target);
            renameSync(tree, join(directory, 'moved'));
            symlinkSync(outside, tree);
            swapped += 1;
          },
        }),
      );
      expect(swapped).toBe(1);
      expect(readFileSync(join(target, 'b'), 'utf8')).toBe('second');
    });
  });

  it('A10: a link that is planted in the place of a file while restoring is replaced, not followed', async () => {
    const repository = await forged([
      ROOT,
      { path: 'a', content: 'first' },
      { path: 'b', content: 'second' },
    ]);
    await guarded(async ({ outside, target }) => {
      let planted = 0;
      await attempt(() =>
        restoreBackup(repository.storage, KEY_BYTES, {
          target,
          onProgress: () => {
            if (planted > 0) return;
            symlinkSync(join(outside, 'keep'), join(target, 'a'));
            linkSync(join(outside, 'keep'), join(target, 'b'));
            planted += 1;
          },
        }),
      );
      expect(planted).toBe(1);
      expect(readFileSync(join(target, 'a'), 'utf8')).toBe('first');
      expect(readFileSync(join(target, 'b'), 'utf8')).toBe('second');
    });
  });

  it('A10: a link that is planted in the place of a directory while restoring is not followed', async () => {
    const repository = await forged([ROOT, { path: 'd' }, { path: 'd/keep', content: 'overwritten' }]);
    await guarded(async ({ outside, target }) => {
      const code = await attempt(() =>
        restoreBackup(repository.storage, KEY_BYTES, {
          target,
          onProgress: () => {
            if (!existsSync(join(target, 'd'))) symlinkSync(outside, join(target, 'd'));
          },
        }),
      );
      expect(code).toBe('TARGET_FAILED');
      expect(lstatSync(join(target, 'd')).isSymbolicLink()).toBe(true);
    });
  });
});

/** Where a restore that is under way makes what it restores. */
function hiddenTree(target: string): string {
  const [staging = ''] = readdirSync(target).filter((name) => name.startsWith('.nbak-restore-'));
  return join(target, staging, 'tree');
}
