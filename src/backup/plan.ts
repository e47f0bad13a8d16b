/** What a backup would read: the dry run. Nothing is written but the catalog's knowledge of what is stored. */

import type { Catalog } from '../repository/catalog.js';
import { BlobCatalog } from '../repository/catalog-blobs.js';
import { FileCatalog } from '../repository/catalog-files.js';
import { syncIndex } from '../repository/index-sync.js';
import type { UnlockedRepository } from '../repository/open.js';
import { databaseFingerprint } from '../source/sqlite/fingerprint.js';
import { keySchedule } from '../vault/key-schedule.js';
import { ChangeCache } from './change-cache.js';
import type { BackupOptions } from './result.js';
import { scan } from './scan.js';
import { BackupScope } from './scope.js';

/** What a backup would do. */
export interface BackupPlan {
  readonly filesTotal: number;
  readonly bytesTotal: number;
  readonly databases: number;
  readonly filesToRead: number;
  readonly bytesToRead: number;
}

/**
 * Plans a backup.
 *
 * @throws NbakError as `backup` does for its sources and the storage.
 */
export async function planBackup(
  repository: UnlockedRepository,
  catalog: Catalog,
  options: BackupOptions,
): Promise<BackupPlan> {
  const scope = new BackupScope(options.selection);
  const found = scan(scope, options);
  const blobs = new BlobCatalog(catalog);
  await syncIndex(repository, blobs);
  const current = repository.secrets.dedup.at(-1);
  if (current === undefined) throw new RangeError('a repository has at least one dedup secret');
  const cache = new ChangeCache({
    crypto: repository.crypto,
    digestKey: keySchedule(repository.crypto, repository.id).digestKey(current.secret),
    blobs,
    files: new FileCatalog(catalog),
    startedAt: Date.now(),
    onReuse: () => undefined,
  });
  const databases = new Map(
    found.databases.map((database) => [`${database.root.name}/${database.path}`, database]),
  );
  let filesToRead = 0;
  let bytesToRead = 0;
  for (const root of scope.roots) {
    for (const entry of scope.walk(root, () => undefined)) {
      if (entry.kind !== 'file') continue;
      const database = databases.get(`${root.name}/${entry.path}`);
      const known =
        database === undefined
          ? cache.lookUpFile(root, entry)
          : cache.lookUpDatabase(root, entry.path, databaseFingerprint(database.absolute));
      if (known !== undefined) continue;
      filesToRead += 1;
      bytesToRead += entry.size;
    }
  }
  return {
    filesTotal: found.files,
    bytesTotal: found.bytes,
    databases: found.databases.length,
    filesToRead,
    bytesToRead,
  };
}
