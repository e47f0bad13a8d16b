/** All backups of a repository, as lists, choices and history need them: each manifest is verified once (§11, §12). */

import { isNbakError } from '../errors.js';
import type { BackupId } from '../format/ids.js';
import { isSealedDetail, type Manifest } from '../format/manifest.js';
import type { ManifestCatalog, ManifestSummary, RememberedManifest } from './catalog-manifests.js';
import { listManifests, newestFirst, readBackup, type UnreadableBackup } from './manifests.js';
import type { Repository } from './open.js';

/** A backup in a list. */
export interface BackupSummary {
  readonly id: BackupId;
  readonly manifest: ManifestSummary;
}

/**
 * All backups, newest first; those that do not verify are apart. What `known` remembers, and storage still has with
 * the same size and time, is not read again: whoever wants to know that its bytes are still right verifies.
 *
 * @throws NbakError a STORAGE code.
 */
export async function readSummaries(
  repository: Repository,
  known: ManifestCatalog,
): Promise<{ readonly backups: readonly BackupSummary[]; readonly unreadable: readonly UnreadableBackup[] }> {
  const remembered = known.remembered();
  const backups: BackupSummary[] = [];
  const unreadable: UnreadableBackup[] = [];
  const verified: RememberedManifest[] = [];
  const gone = new Set(remembered.keys());
  for (const { id, size, modifiedMs } of await listManifests(repository)) {
    gone.delete(id);
    const before = remembered.get(id);
    if (before?.size === size && before.modifiedMs === modifiedMs) {
      backups.push({ id, manifest: before.summary });
      continue;
    }
    try {
      const summary = summaryOf((await readBackup(repository, id)).manifest);
      verified.push({ id, size, modifiedMs, summary });
      backups.push({ id, manifest: summary });
    } catch (error) {
      if (!isNbakError(error)) throw error;
      gone.add(id);
      unreadable.push({ id, error });
    }
  }
  known.update(
    verified,
    [...gone].filter((id) => remembered.has(id)),
  );
  return { backups: backups.sort(newestFirst), unreadable };
}

function summaryOf(manifest: Manifest): ManifestSummary {
  const { epoch, time, signedAt, parents, sequence, purpose, totals, detail } = manifest;
  const rest = { epoch, time, signedAt, parents, sequence, purpose, totals };
  if (isSealedDetail(detail)) return { ...rest, detail };
  const { host, roots, tags, cut } = detail;
  return { ...rest, detail: { host, roots, tags, cut } };
}
