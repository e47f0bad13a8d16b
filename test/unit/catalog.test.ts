/** The catalog: a cache that is private, survives being closed, and is made anew where it is not what is expected. */

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { pathFromText } from '#nbak/format/path.js';
import type { BlobId, PackId, PageId, RepositoryId } from '#nbak/format/ids.js';
import type { Footer } from '#nbak/format/pack.js';
import { openCatalog } from '#nbak/repository/catalog.js';
import { BlobCatalog } from '#nbak/repository/catalog-blobs.js';
import { PageCatalog, type KnownPage } from '#nbak/repository/catalog-pages.js';
import { HeadCatalog } from '#nbak/repository/catalog-heads.js';
import { ManifestCatalog, type ManifestSummary } from '#nbak/repository/catalog-manifests.js';
import { KeyRing } from '#nbak/vault/signing.js';
import type { BackupId } from '#nbak/format/ids.js';
import { outcomeOf } from '../support/cli.js';
import { withDirectory } from '../support/engine-run.js';

const REPOSITORY = 'ab'.repeat(16) as RepositoryId;
const hex = (byte: string): string => byte.repeat(32);
const PACK = hex('01') as PackId;
const BLOB = hex('0a') as BlobId;
const FOOTER: Footer = {
  repository: REPOSITORY,
  epoch: 1,
  session: new Uint8Array(16),
  dedup: 1,
  blobs: [
    { id: BLOB, tag: hex('0b'), kind: 1, length: 200 },
    { id: hex('0c') as BlobId, tag: hex('0b'), kind: 2, length: 300 },
  ],
};
const PAGE: KnownPage = {
  first: hex('0e'),
  entries: 7,
  digest: hex('0f'),
  page: { id: hex('10') as PageId, size: 500 },
  children: [{ id: hex('11') as PageId, size: 600 }],
  packs: [PACK],
  totals: { files: 4, directories: 2, others: 1, bytes: 10_000 },
  startedAt: 1_700_000_000_000,
};

describe('the catalog', () => {
  it('keeps what it knows when it was made before there were marks', async () => {
    await withDirectory((directory) => {
      const before = openCatalog(directory, REPOSITORY);
      new HeadCatalog(before, 'pin').remember([{ id: hex('0d') as BackupId, sequence: 3 }]);
      before.exec('DROP TABLE marks');
      before.close();
      const catalog = openCatalog(directory, REPOSITORY);
      expect(new HeadCatalog(catalog, 'pin').remembered()).toEqual([{ id: hex('0d'), sequence: 3 }]);
      expect(catalog.prepare('SELECT count(*) AS n FROM marks').get()).toEqual({ n: 0 });
      catalog.close();
      return Promise.resolve();
    });
  });

  it('is readable by its owner alone, and still knows after being closed what it was told', async () => {
    await withDirectory((directory) => {
      const cache = join(directory, 'cache');
      const catalog = openCatalog(cache, REPOSITORY);
      new BlobCatalog(catalog).addPack(PACK, 1000, FOOTER);
      const root = new Uint8Array(16);
      const key = new Uint8Array(16).fill(1);
      new PageCatalog(catalog).remember(root, [PAGE, { ...PAGE, digest: '' }]);
      new PageCatalog(catalog).rememberDatabases([{ key, fingerprint: 'f', first: PAGE.first, tokens: 't' }]);
      new HeadCatalog(catalog, 'pin').remember([{ id: hex('0d') as BackupId, sequence: 3 }]);
      catalog.close();
      const place = join(cache, REPOSITORY);
      expect(statSync(place).mode & 0o777).toBe(0o700);
      for (const name of readdirSync(place)) expect(statSync(join(place, name)).mode & 0o077).toBe(0);

      const again = openCatalog(cache, REPOSITORY);
      const blobs = new BlobCatalog(again);
      expect(blobs.packs()).toEqual(new Map([[PACK, 1000]]));
      // A chunk is found by tag, kind and dedup number together.
      expect(blobs.findChunk(hex('0b'), 1, 1)).toMatchObject({ id: BLOB, pack: PACK });
      expect(blobs.findChunk(hex('0b'), 3, 1)).toBeUndefined();
      expect(blobs.findChunk(hex('0b'), 1, 2)).toBeUndefined();
      const pages = new PageCatalog(again);
      expect(pages.pagesOf(root)).toEqual([PAGE, { ...PAGE, digest: '' }]);
      expect(pages.pagesOf(key)).toEqual([]);
      expect(pages.database(key)).toMatchObject({ fingerprint: 'f', first: PAGE.first, tokens: 't' });
      pages.remember(root, [PAGE]);
      expect(pages.pagesOf(root)).toEqual([PAGE]);
      pages.forgetAll();
      expect(pages.pagesOf(root)).toEqual([]);
      expect(new HeadCatalog(again, 'pin').remembered()).toEqual([{ id: hex('0d'), sequence: 3 }]);
      expect(new HeadCatalog(again, 'another key').remembered()).toEqual([]);
      again.close();
      return Promise.resolve();
    });
  });

  it('forgets the blobs of a pack that is gone, and keeps those of others', () => {
    const catalog = openCatalog(undefined, REPOSITORY);
    const blobs = new BlobCatalog(catalog);
    const other = hex('02') as PackId;
    blobs.addPack(PACK, 1000, FOOTER);
    blobs.addPack(other, 900, { ...FOOTER, blobs: FOOTER.blobs.slice(0, 1) });
    expect(blobs.locate(BLOB)).toHaveLength(2);
    blobs.dropPack(PACK);
    expect(blobs.locate(BLOB)).toMatchObject([{ pack: other }]);
    expect(blobs.findChunk(hex('0b'), 2, 1)).toBeUndefined();
    catalog.close();
  });

  it('remembers manifests per key ring, as they were listed, until it is told to forget them', () => {
    const catalog = openCatalog(undefined, REPOSITORY);
    const ringOf = (byte: number): KeyRing =>
      new KeyRing(nodeCrypto, REPOSITORY, [
        { publicKey: new Uint8Array(32).fill(byte), role: 'backup', epoch: 1 },
      ]);
    const [mine, other] = [1, 2].map(
      (byte) => new ManifestCatalog(catalog, { crypto: nodeCrypto, keyRing: ringOf(byte) }),
    );
    const totals = { files: 1, directories: 1, others: 0, bytes: 7 };
    const summary: ManifestSummary = {
      epoch: 1,
      time: -1,
      signedAt: 5,
      parents: [hex('0e') as BackupId],
      sequence: 2,
      purpose: 'ordinary',
      totals,
      detail: {
        host: 'h',
        roots: [{ name: pathFromText('ä'), path: pathFromText('/ä'), entries: 2 }],
        tags: [],
        cut: 'none',
      },
    };
    const id = hex('0d') as BackupId;
    mine?.update([{ id, size: 300, modifiedMs: 12.5, summary }], []);
    expect(mine?.remembered()).toEqual(new Map([[id, { id, size: 300, modifiedMs: 12.5, summary }]]));
    expect(other?.remembered().size).toBe(0);
    mine?.update([], [id]);
    expect(mine?.remembered().size).toBe(0);
    catalog.close();
  });

  it('may be opened for the first time by several processes at once', async () => {
    const module = new URL('../../dist/repository/catalog.js', import.meta.url).href;
    await withDirectory(async (directory) => {
      // At the same moments, as far as the machine lets them.
      const begin = Date.now() + 400;
      const script = `import { openCatalog } from '${module}';
        for (let i = 0; i < 40; i += 1) {
          while (Date.now() < ${begin} + i * 25);
          openCatalog('${directory}/' + i, '${REPOSITORY}').close();
        }`;
      const started = [1, 2, 3].map(() =>
        outcomeOf(
          spawn(process.execPath, ['--input-type=module', '-e', script], {
            stdio: ['ignore', 'pipe', 'pipe'],
          }),
        ),
      );
      for (const outcome of await Promise.all(started))
        expect(outcome).toEqual({ exit: 0, stdout: '', stderr: '' });
    });
  });

  it('is made anew where its file is no database', async () => {
    await withDirectory((directory) => {
      const place = join(directory, REPOSITORY);
      mkdirSync(place);
      openCatalog(directory, REPOSITORY).close();
      const [file = ''] = readdirSync(place).filter((name) => name.endsWith('.db'));
      writeFileSync(join(place, file), 'no database at all, but long enough to be taken for one'.repeat(100));
      const catalog = openCatalog(directory, REPOSITORY);
      expect(new BlobCatalog(catalog).packs().size).toBe(0);
      catalog.close();
      expect(existsSync(join(place, file))).toBe(true);
      return Promise.resolve();
    });
  });
});
