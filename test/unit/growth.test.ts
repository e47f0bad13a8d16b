/** How little a second backup adds: the point of bundles, content-defined pages and page-aligned databases (§7, §10.2). */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { BUNDLE_BYTES } from '#nbak/chunking/sizes.js';
import { decodePage, encodePage } from '#nbak/format/page.js';
import { openCatalog } from '#nbak/repository/catalog.js';
import { runBackup, withDirectory } from '../support/engine-run.js';
import { objectsUnder, snapshotOf } from '../support/snapshots.js';
import { emptyRepository } from '../support/tiny-repository.js';
import { randomLike } from '../support/tree.js';

/** Backs up before and after a change; gives how much of what came to it. */
async function growth(
  fill: (source: string) => void,
  change: (source: string) => void,
): Promise<{
  readonly bundles: number;
  readonly data: number;
  readonly pages: number;
  readonly bytesAdded: number;
  readonly before: { readonly bundles: number; readonly pages: number };
}> {
  return withDirectory(async (directory) => {
    const source = join(directory, 'source');
    mkdirSync(source);
    fill(source);
    const { storage, unlocked } = await emptyRepository();
    const catalog = openCatalog(undefined, unlocked.id);
    const blobs = catalog.prepare<[number], { n: number }>('SELECT count(*) AS n FROM blobs WHERE kind = ?');
    const look = async (): Promise<{ bundles: number; data: number; pages: number }> => ({
      bundles: blobs.get(2)?.n ?? 0,
      data: blobs.get(1)?.n ?? 0,
      pages: objectsUnder(await snapshotOf(storage), 'pages/').length,
    });
    await runBackup(unlocked, [source], { catalog });
    const before = await look();
    change(source);
    const { bytesAdded } = await runBackup(unlocked, [source], { catalog });
    const after = await look();
    catalog.close();
    return {
      bundles: after.bundles - before.bundles,
      data: after.data - before.data,
      pages: after.pages - before.pages,
      bytesAdded,
      before,
    };
  });
}

describe('what a second backup adds', () => {
  const manySmall = (source: string): void => {
    for (let i = 0; i < 400; i += 1)
      writeFileSync(join(source, `file-${String(i)}`), randomLike(3000 + (i % 7) * 1000, i));
  };

  it('for one new small file is one bundle or the two that it splits, wherever the file lies', async () => {
    for (const name of ['file-2005', 'zzz-last']) {
      const { bundles, before, bytesAdded } = await growth(manySmall, (source) =>
        writeFileSync(join(source, name), randomLike(2500, 9999)),
      );
      expect(before.bundles).toBeGreaterThan(10);
      expect(bundles).toBeGreaterThanOrEqual(1);
      expect(bundles).toBeLessThanOrEqual(2);
      expect(bytesAdded).toBeLessThan(3 * BUNDLE_BYTES);
    }
  });

  it('for one new file among many thousands is a few pages of the list', async () => {
    const { pages, before } = await growth(
      (source) => {
        // More than a page may have (§10.6): of 3000, one repository in 300 draws a border key that makes one page.
        for (let i = 0; i < 4200; i += 1) writeFileSync(join(source, `empty-${String(i)}`), '');
      },
      (source) => writeFileSync(join(source, 'empty-2000-and-a-half'), ''),
    );
    expect(before.pages).toBeGreaterThan(2);
    expect(pages).toBeGreaterThanOrEqual(1);
    expect(pages).toBeLessThanOrEqual(3);
  });

  it('for one row of a large database is a few chunks of 64 KiB', async () => {
    const { data, bytesAdded } = await growth(
      (source) => {
        const db = new Database(join(source, 'large.db'));
        db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB)');
        const insert = db.prepare('INSERT INTO t (b) VALUES (?)');
        db.transaction(() => {
          for (let i = 0; i < 2000; i += 1) insert.run(randomLike(2000, i));
        })();
        db.close();
      },
      (source) => {
        const db = new Database(join(source, 'large.db'));
        db.exec("UPDATE t SET b = x'00112233' WHERE id = 1000");
        db.close();
      },
    );
    expect(data).toBeGreaterThanOrEqual(1);
    expect(data).toBeLessThanOrEqual(3);
    expect(bytesAdded).toBeLessThan(4 * 65_536);
  });

  it('for nothing new is a manifest', async () => {
    const { bundles, data, pages, bytesAdded } = await growth(manySmall, () => undefined);
    expect([bundles, data, pages]).toEqual([0, 0, 0]);
    expect(bytesAdded).toBeLessThan(1000);
  });
});

describe('a page', () => {
  it('comes back with an inode beyond 2^53 beside a name that begins with the first byte of a byte order mark', () => {
    const none = { seconds: 0, nanoseconds: 0 };
    const bytes = encodePage({
      type: 'entries',
      dedup: 1,
      children: [],
      blobs: [],
      owners: [{ uid: 0, user: '\uf900', gid: 0, group: '\ufeffgroup' }],
      entries: [
        {
          path: '' as never,
          kind: 'directory',
          mode: 0o755,
          owner: 0,
          size: 0,
          mtime: none,
          ctime: none,
          inode: 2n ** 63n,
          content: [],
          digest: new Uint8Array(0),
          extra: {},
        },
      ],
    });
    expect(decodePage(bytes)).toMatchObject({
      owners: [{ user: '\uf900', group: '\ufeffgroup' }],
      entries: [{ inode: 2n ** 63n }],
    });
  });
});
