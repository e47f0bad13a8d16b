/** What a backup would read: the dry run. Nothing is written but the catalog's knowledge of what is stored. */

import type { Catalog } from '../repository/catalog.js';
import { BlobCatalog } from '../repository/catalog-blobs.js';
import { readDoomed } from '../repository/doom.js';
import { syncIndex } from '../repository/index-sync.js';
import type { BytePath } from '../format/path.js';
import type { UnlockedRepository } from '../repository/open.js';
import { databaseFingerprint } from '../source/sqlite/fingerprint.js';
import { isUnchanged } from '../source/unchanged.js';
import type { SeenEntry } from '../source/entry.js';
import { AppKeys } from './app-keys.js';
import type { KnownTree } from './known-tree.js';
import { LastBackup } from './last-backup.js';
import type { Listing } from './listing.js';
import { planPages } from './page-plan.js';
import { PathBorders } from './path-borders.js';
import { Problems } from './problems.js';
import type { BackupOptions } from './result.js';
import { scan } from './scan.js';
import { BackupScope, type BackupRoot } from './scope.js';
import { Session } from './session.js';

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
  const found = await scan(scope, { signal: options.signal, problems: new Problems() });
  const blobs = new BlobCatalog(catalog);
  const doomed = await readDoomed(repository);
  await syncIndex(repository, blobs, doomed);
  const session = new Session(repository, blobs, { threads: 0, doomed });
  const appKeys = new AppKeys(scope);
  const memory = new LastBackup(session, catalog, { startedAt: Date.now(), appKeys });
  const databases = new Map<BackupRoot, Map<BytePath, boolean>>();
  for (const { root, path, absolute } of found.databases) {
    const known = databases.get(root) ?? new Map<BytePath, boolean>();
    databases.set(root, known.set(path, memory.hasDatabase(root, path, databaseFingerprint(absolute))));
  }
  let filesToRead = 0;
  let bytesToRead = 0;
  for (const [root, listing] of found.listings) {
    const known = databases.get(root) ?? new Map<BytePath, boolean>();
    for await (const { size } of changedFiles(session, memory.treeOf(root), { listing, databases: known })) {
      filesToRead += 1;
      bytesToRead += size;
    }
  }
  await session.close();
  return {
    filesTotal: found.files,
    bytesTotal: found.bytes,
    databases: found.databases.length,
    filesToRead,
    bytesToRead,
  };
}

/** Files to read: those that the walk saw otherwise than the last backup did, and databases that are not stored yet. */
async function* changedFiles(
  session: Session,
  tree: KnownTree,
  seen: { readonly listing: Listing; readonly databases: ReadonlyMap<BytePath, boolean> },
): AsyncGenerator<SeenEntry, void, void> {
  const { listing, databases } = seen;
  const borders = new PathBorders(session.repository.crypto, session.keys.borderKey);
  const planner = { borders, tree, mayKeep: () => databases.size === 0 };
  for (const { from, to, known } of planPages(listing, planner)) {
    if (known !== undefined) {
      tree.pass(known);
      continue;
    }
    const before = await tree.entriesBetween(listing.path(from), listing.path(to - 1));
    for (let index = from; index < to; index += 1) {
      if (!listing.isFile(index)) continue;
      const entry = listing.entry(index);
      const last = before.get(entry.path);
      const isKnown = last !== undefined && isUnchanged(last.entry, entry, last.startedAt);
      if (!(databases.get(entry.path) ?? isKnown)) yield entry;
    }
  }
}
