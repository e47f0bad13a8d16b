/** A backup with a damaged database: what of it is known only when the other files were begun. */

import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { backup } from '#nbak/backup/backup.js';
import { isComplete, type BackupProgress, type BackupResult } from '#nbak/backup/result.js';
import { openCatalog, type Catalog } from '#nbak/repository/catalog.js';
import { judge, ordinaryBackup, restoreBackup, withDirectory } from '../support/engine-run.js';
import { emptyRepository, KEY_BYTES, type TestRepository } from '../support/tiny-repository.js';

const SMALL = 40;

/** Files of all sizes, a sound database, and a damaged one that still has its log. */
function writeSource(source: string): void {
  mkdirSync(join(source, 'd'), { recursive: true });
  for (let i = 0; i < SMALL; i += 1) writeFileSync(join(source, `d/f${i}`), `file ${i}`.repeat(i + 1));
  writeFileSync(join(source, 'empty'), '');
  writeFileSync(join(source, 'large'), Buffer.alloc(3_000_000, 'large'));
  const sound = new Database(join(source, 'sound.db'));
  sound.exec('CREATE TABLE t (a); INSERT INTO t VALUES (randomblob(300000))');
  sound.close();
  const path = join(source, 'e.db');
  const open = new Database(path);
  open.pragma('journal_mode = WAL');
  open.pragma('wal_autocheckpoint = 0');
  open.exec('CREATE TABLE t (a); CREATE TABLE u (a); INSERT INTO t VALUES (1); INSERT INTO u VALUES (1)');
  open.pragma('wal_checkpoint(TRUNCATE)');
  open.exec('INSERT INTO t VALUES (2)');
  copyFileSync(`${path}-wal`, join(source, 'log'));
  open.close();
  renameSync(join(source, 'log'), `${path}-wal`);
  // The page of the table that the log does not speak of.
  const bytes = readFileSync(path);
  bytes.fill(0xff, 2 * 4096);
  writeFileSync(path, bytes);
}

function filesBelow(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort();
}

async function backUp(
  { unlocked }: TestRepository,
  sources: readonly string[],
  run: { readonly catalog: Catalog; readonly threads: number; readonly seen?: BackupProgress[] },
): Promise<BackupResult> {
  return backup(unlocked, run.catalog, {
    ...ordinaryBackup(sources),
    threads: run.threads,
    onProgress: (progress) => run.seen?.push(progress),
  });
}

it.each([
  [0, 'sealed'],
  [2, 'plain'],
] as const)(
  'a damaged database and its log are in the backup as they lie there, once, among all other files (%i threads, %s names)',
  async (threads, names) => {
    await withDirectory(async (directory) => {
      const sources = [join(directory, 'tree/s'), join(directory, 'tree/other')] as const;
      writeSource(sources[0]);
      mkdirSync(sources[1]);
      writeFileSync(join(sources[1], 'note'), 'in the second root');
      const files = filesBelow(join(directory, 'tree'));
      const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
      const repository = await emptyRepository(names);
      const catalog = openCatalog(undefined, repository.unlocked.id);
      const seen: BackupProgress[] = [];
      const result = await backUp(repository, sources, { catalog, threads, seen });
      const counted = { filesTotal: files.length, directoriesTotal: 3, databases: 2, bytesTotal: bytes };
      expect(result).toMatchObject({ ...counted, filesUnchanged: 0, torn: [], unreadable: [] });
      expect(result.damaged.map(({ path }) => path)).toEqual(['s/e.db']);
      expect(isComplete(result)).toBe(false);
      // What is done a second time, with the log as a file, is counted once.
      expect(seen.at(-1)).toEqual({
        phase: 'committing',
        filesDone: files.length,
        filesTotal: files.length,
        bytesDone: bytes,
        bytesTotal: bytes,
      });
      expect(await judge(repository.storage, repository.publicKey)).toMatchObject({ ok: true });

      const target = join(directory, 'restored');
      expect((await restoreBackup(repository.storage, KEY_BYTES, { target })).failed).toEqual([]);
      const restored = filesBelow(target);
      expect(restored.map((file) => relative(target, file))).toEqual(
        files.map((file) => relative(join(directory, 'tree'), file)),
      );
      for (const [i, file] of files.entries())
        expect(readFileSync(restored[i] ?? '').equals(readFileSync(file)), file).toBe(true);

      const again = await backUp(repository, sources, { catalog, threads });
      expect(again).toMatchObject(counted);
      expect(again.damaged).toEqual(result.damaged);
      catalog.close();
    });
  },
);
