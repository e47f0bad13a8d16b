/** Backups as the program shows them: read, filtered, resolved, and as JSON. */

import { resolve } from 'node:path';
import type { ManifestCatalog } from '../repository/catalog-manifests.js';
import { readDetail, type UnreadableBackup } from '../repository/manifests.js';
import type { BackupFilter, DescribedSummary } from '../repository/resolve.js';
import { readSummaries } from '../repository/summaries.js';
import type { BlobReader } from '../repository/blob-reader.js';
import type { Repository } from '../repository/open.js';
import { pathToText } from '../format/path.js';
import { formatTime } from './terminal.js';

/** Filter options of commands that name backups. */
export interface FilterOptions {
  readonly host?: string;
  readonly path?: string;
  readonly tag?: string;
}

/** A filter from options. */
export function toFilter({ host, path, tag }: FilterOptions): BackupFilter {
  return {
    ...(host !== undefined && { host }),
    // Roots are absolute; `--path .` means what `backup .` means.
    ...(path !== undefined && { path: resolve(path) }),
    ...(tag !== undefined && { tag }),
  };
}

/** All backups, newest first, with their details where they can be read. */
export async function describeBackups(
  repository: Repository,
  known: ManifestCatalog,
  blobs?: BlobReader,
): Promise<{
  readonly backups: readonly DescribedSummary[];
  readonly unreadable: readonly UnreadableBackup[];
}> {
  const { backups, unreadable } = await readSummaries(repository, known);
  const described: DescribedSummary[] = [];
  for (const backup of backups)
    described.push({ ...backup, detail: await readDetail(backup.manifest, blobs) });
  return { backups: described, unreadable };
}

/** A backup as `list --json` and `show --json` give it; null where names are sealed. */
export function backupToJson({ id, manifest, detail }: DescribedSummary): Readonly<Record<string, unknown>> {
  const { totals } = manifest;
  return {
    id,
    time: formatTime(manifest.time),
    signedAt: formatTime(manifest.signedAt),
    host: detail?.host ?? null,
    roots:
      detail?.roots.map(({ name, path }) => ({ name: pathToText(name), path: pathToText(path) })) ?? null,
    tags: detail?.tags ?? null,
    purpose: manifest.purpose,
    sequence: manifest.sequence,
    epoch: manifest.epoch,
    files: totals.files,
    directories: totals.directories,
    others: totals.others,
    bytes: totals.bytes,
    cut: detail?.cut ?? null,
  };
}
