/** What changes under a running backup: files that grow, databases that appear, objects that are to be deleted. */
import { randomBytes } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { backup } from '#nbak/backup/backup.js';
import { isComplete, type BackupResult } from '#nbak/backup/result.js';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { toHex } from '#nbak/format/bytes.js';
import { encodeCbor } from '#nbak/format/cbor.js';
import { SIGNED_TYPES } from '#nbak/format/cose.js';
import { idToBytes } from '#nbak/format/ids.js';
import { openCatalog, type Catalog } from '#nbak/repository/catalog.js';
import { parseObjectName, type Storage } from '#nbak/storage/storage.js';
import { judge, ordinaryBackup, restoreBackup, withDirectory } from '../support/engine-run.js';
import { emptyRepository, KEY_BYTES, type TestRepository } from '../support/tiny-repository.js';

/** Backs up, and lets `meanwhile` happen when a phase begins: after the walk, or once databases were seen and before it. */
function backUp(
  { unlocked }: TestRepository,
  source: string,
  run: {
    readonly catalog: Catalog;
    readonly meanwhile?: () => void;
    readonly during?: 'scanning' | 'files';
  },
): Promise<BackupResult> {
  return backup(unlocked, run.catalog, {
    ...ordinaryBackup([source]),
    onProgress: ({ phase }) => {
      if (phase === (run.during ?? 'files')) run.meanwhile?.();
    },
  });
}

async function verifiedAndRestored({ storage, publicKey }: TestRepository, target: string): Promise<string> {
  expect(await judge(storage, publicKey)).toMatchObject({ ok: true, problems: [] });
  const { failed } = await restoreBackup(storage, KEY_BYTES, { target });
  expect(failed).toEqual([]);
  return target;
}

async function namesOf(storage: Storage, prefix: string): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { name } of storage.list(prefix)) names.push(name);
  return names.sort();
}

describe('after the walk', () => {
  it('small files that grew to a megabyte each are stored whole, in bundles that stay within the limits', async () => {
    await withDirectory(async (directory) => {
      const source = join(directory, 's');
      mkdirSync(source);
      const paths = Array.from({ length: 30 }, (_, i) => join(source, `f${i}`));
      for (const path of paths) writeFileSync(path, 'a placeholder');
      const repository = await emptyRepository();
      let grown = false;
      const meanwhile = (): void => {
        if (grown) return;
        grown = true;
        for (const path of paths) writeFileSync(path, randomBytes(1024 * 1024));
      };
      await backUp(repository, source, {
        catalog: openCatalog(undefined, repository.unlocked.id),
        meanwhile,
      });
      const target = await verifiedAndRestored(repository, join(directory, 'restored'));
      for (const [i, path] of paths.entries()) {
        expect(readFileSync(join(target, `f${i}`)).equals(readFileSync(path))).toBe(true);
      }
    });
  });

  it.each([
    ['is gone', (path: string) => rmSync(path, { recursive: true }), []],
    [
      'is a link that leads to what it was',
      (path: string) => {
        renameSync(path, `${path}-moved`);
        symlinkSync(`${path}-moved`, path);
      },
      ['inside'],
    ],
  ])('a directory that %s stays a directory, and the backup verifies', async (_, change, inside) => {
    await withDirectory(async (directory) => {
      const source = join(directory, 's');
      mkdirSync(join(source, 'd'), { recursive: true });
      writeFileSync(join(source, 'd/inside'), 'seen by the walk');
      const repository = await emptyRepository();
      let changed = false;
      const meanwhile = (): void => {
        if (!changed) change(join(source, 'd'));
        changed = true;
      };
      await backUp(repository, source, {
        catalog: openCatalog(undefined, repository.unlocked.id),
        meanwhile,
      });
      const target = await verifiedAndRestored(repository, join(directory, 'restored'));
      expect(lstatSync(join(target, 'd')).isDirectory()).toBe(true);
      expect(readdirSync(join(target, 'd'))).toEqual(inside);
    });
  });

  it('a database that appears once others were seen is captured with them: all are seen anew', async () => {
    await withDirectory(async (directory) => {
      const source = join(directory, 's');
      mkdirSync(source);
      new Database(join(source, 'there.db')).exec('CREATE TABLE t (a)').close();
      const repository = await emptyRepository();
      const catalog = openCatalog(undefined, repository.unlocked.id);
      let scans = 0;
      const meanwhile = (): void => {
        scans += 1;
        if (scans > 1) return;
        new Database(join(source, 'new.db')).exec('CREATE TABLE t (a); INSERT INTO t VALUES (7)').close();
      };
      const result = await backUp(repository, source, { catalog, meanwhile, during: 'scanning' });
      expect(result).toMatchObject({ databases: 2, torn: [], cut: 'proven' });
      expect(scans).toBe(2);
      const target = await verifiedAndRestored(repository, join(directory, 'restored'));
      const restored = new Database(join(target, 'new.db'));
      expect(restored.prepare('SELECT a FROM t').pluck().get()).toBe(7);
      restored.close();
      catalog.close();
    });
  });

  it('a database that appears after that is stored as a file, said to be torn, and captured as one the next time', async () => {
    await withDirectory(async (directory) => {
      const source = join(directory, 's');
      mkdirSync(join(source, 'below'), { recursive: true });
      writeFileSync(join(source, 'a'), 'a');
      // Where nobody would look for it first.
      new Database(join(source, 'below', 'there.db')).exec('CREATE TABLE t (a)').close();
      const repository = await emptyRepository();
      const catalog = openCatalog(undefined, repository.unlocked.id);
      let scans = 0;
      const meanwhile = (): void => {
        scans += 1;
        if (scans !== 2) return;
        new Database(join(source, 'new.db')).exec('CREATE TABLE t (a)').close();
      };
      const first = await backUp(repository, source, { catalog, meanwhile, during: 'scanning' });
      expect(first.torn.map(({ path }) => path)).toEqual(['s/new.db']);
      expect(isComplete(first)).toBe(false);
      const second = await backUp(repository, source, { catalog });
      expect(second).toMatchObject({ databases: 2, torn: [], cut: 'proven' });
      catalog.close();
    });
  });
});

it('nothing new rests on what prune has announced to delete', async () => {
  await withDirectory(async (directory) => {
    const source = join(directory, 's');
    mkdirSync(source);
    // Pages must compress, or they have one encoding only.
    for (let i = 0; i < 20; i += 1) writeFileSync(join(source, `note-${i}`), `note ${i}`);
    const repository = await emptyRepository();
    const { storage, unlocked } = repository;
    const catalog = openCatalog(undefined, unlocked.id);
    await backUp(repository, source, { catalog });
    const doomed = [...(await namesOf(storage, 'packs/')), ...(await namesOf(storage, 'pages/'))].sort();
    const payload = encodeCbor([idToBytes(unlocked.id), Date.now(), doomed]);
    const note = unlocked.secrets.adminSigner.sign(SIGNED_TYPES.doom, payload);
    await storage.put(parseObjectName(`doom/${toHex(nodeCrypto.sha256(note))}`), note);

    await backUp(repository, source, { catalog });
    catalog.close();
    for (const name of doomed) await storage.delete(parseObjectName(name));
    const target = join(directory, 'restored');
    const result = await restoreBackup(storage, KEY_BYTES, { target });
    expect(result).toMatchObject({ files: 20, failed: [] });
    expect(readFileSync(join(target, 'note-7'), 'utf8')).toBe('note 7');
  });
});
