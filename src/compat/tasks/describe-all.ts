/** All backups of a repository with their details, for the tasks that choose among them. */

import { ManifestCatalog } from '../../repository/catalog-manifests.js';
import { readDetail, type UnreadableBackup } from '../../repository/manifests.js';
import type { DescribedSummary } from '../../repository/resolve.js';
import { readSummaries } from '../../repository/summaries.js';
import type { Opened } from '../opened.js';

/** Newest first; those that cannot be read are apart. */
export async function describeAll(opened: Opened): Promise<{
  readonly described: readonly DescribedSummary[];
  readonly unreadable: readonly UnreadableBackup[];
}> {
  const { repository, catalog } = opened;
  const { backups, unreadable } = await readSummaries(repository, new ManifestCatalog(catalog, repository));
  const blobs = await opened.blobsForDetails();
  const described: DescribedSummary[] = [];
  for (const each of backups) described.push({ ...each, detail: await readDetail(each.manifest, blobs) });
  return { described, unreadable };
}
