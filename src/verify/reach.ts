/** Which packs some backups reach, so that verifying one backup does not read all. */

import { NbakError } from '../errors.js';
import type { BlobId, PackId, PageId } from '../format/ids.js';
import { isSealedDetail } from '../format/manifest.js';
import type { Backup } from '../repository/manifests.js';
import type { ObjectFindings } from './objects.js';
import type { PageSummaries } from './pages.js';

/**
 * The packs of `packs` that `backups` reach, as index objects tell; all of them where index objects do not tell of
 * every blob.
 */
export async function packsReachedBy(
  backups: readonly Backup[],
  from: {
    readonly packs: ReadonlyMap<PackId, number>;
    readonly indexed: ObjectFindings['indexed'];
    readonly summaries: PageSummaries;
  },
): Promise<ReadonlyMap<PackId, number>> {
  const packsOf = new Map<BlobId, PackId[]>();
  for (const [pack, { blobs }] of from.indexed) {
    for (const { id } of blobs) packsOf.set(id, [...(packsOf.get(id) ?? []), pack]);
  }
  const blobs = new Set<BlobId>();
  const seen = new Set<PageId>();
  for (const { manifest } of backups) {
    if (isSealedDetail(manifest.detail)) blobs.add(manifest.detail.id);
    for (const { id } of manifest.appKeys ?? []) blobs.add(id);
    await collectBlobs(manifest.pages, from.summaries, { blobs, seen });
  }
  const reached = new Map<PackId, number>();
  for (const blob of blobs) {
    const packs = packsOf.get(blob);
    if (packs === undefined) return from.packs;
    for (const pack of packs) {
      const size = from.packs.get(pack);
      if (size !== undefined) reached.set(pack, size);
    }
  }
  return reached;
}

async function collectBlobs(
  pages: readonly PageId[],
  summaries: PageSummaries,
  into: { readonly blobs: Set<BlobId>; readonly seen: Set<PageId> },
): Promise<void> {
  for (const page of pages) {
    // Backups share most pages, and lists that repeat could go on for ever.
    if (into.seen.has(page)) continue;
    into.seen.add(page);
    const summary = await summaries.get(page);
    // What is wrong with a page is found, and said, when its backup is checked.
    if (summary instanceof NbakError) continue;
    for (const { id } of summary.blobs) into.blobs.add(id);
    await collectBlobs(summary.children, summaries, into);
  }
}
