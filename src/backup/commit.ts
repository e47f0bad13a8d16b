/** The commit of a backup: pages, commit check, manifest. Implements §17.2 and §18.1. */

import { NbakError } from '../errors.js';
import { BLOB_KINDS } from '../format/blob.js';
import { toHex } from '../format/bytes.js';
import { SIGNED_TYPES } from '../format/cose.js';
import type { BackupId, PackId, PageId } from '../format/ids.js';
import { LIMITS } from '../format/limits.js';
import { encodeDetail, encodeManifest, type Manifest, type ManifestDetail } from '../format/manifest.js';
import { packName, pageName, manifestName, parseName } from '../repository/object-names.js';
import type { ManifestCatalog } from '../repository/catalog-manifests.js';
import { headsOf, readTombstones } from '../repository/manifests.js';
import { readSummaries } from '../repository/summaries.js';
import { listPacks } from '../repository/index-sync.js';
import { readDoomed } from '../repository/doom.js';
import { assertEpochIsNewest } from '../repository/open.js';
import type { PageBuilder, ReachedPage } from './page-builder.js';
import type { Session } from './session.js';

/** What a manifest says beyond what commit itself finds out. */
export type ManifestDraft = Pick<Manifest, 'time' | 'purpose' | 'totals' | 'appKeys'>;

/** Pages stored at once: they share directory syncs. */
const PAGES_AT_ONCE = 8;

/** Packs or pages that were there when the backup began and are not now; the backup must start over without them. */
export class VanishedError extends Error {
  readonly packs: readonly PackId[];

  constructor(packs: readonly PackId[]) {
    super('objects vanished during the backup');
    this.packs = packs;
  }
}

/**
 * Writes pages and manifest of a finished session.
 *
 * @returns the backup id, and the bytes that pages and manifest added.
 * @throws VanishedError when something deduplicated against is gone; NbakError for everything else.
 */
export async function commitBackup(
  session: Session,
  builder: PageBuilder,
  content: {
    readonly draft: ManifestDraft;
    readonly detail: ManifestDetail;
    readonly known: ManifestCatalog;
  },
): Promise<{ readonly id: BackupId; readonly bytes: number }> {
  const { repository } = session;
  const pages = await builder.finish();
  const detail = repository.names === 'plain' ? content.detail : await sealDetail(session, content.detail);
  await session.finishPacks();
  const bytes = await writePages(session, builder);
  await commitCheck(session, builder.pages);

  const { backups } = await readSummaries(repository, content.known);
  const tombstones = await readTombstones(repository, () => undefined);
  // Heads beyond the limit stay heads, and the next manifest names them.
  const parents = headsOf(backups, tombstones).slice(0, LIMITS.parents);
  const manifest: Manifest = {
    ...content.draft,
    id: repository.crypto.randomBytes(16),
    repository: repository.id,
    epoch: repository.secrets.epoch,
    signedAt: Date.now(),
    parents: parents.map(({ id }) => id),
    sequence: 1 + Math.max(0, ...parents.map(({ sequence }) => sequence)),
    dedup: session.keys.dedup,
    pages,
    detail,
  };
  const stored = repository.secrets.backupSigner.sign(SIGNED_TYPES.manifest, encodeManifest(manifest));
  if (stored.length > LIMITS.manifestBytes) {
    throw new NbakError(
      'LIMIT_EXCEEDED',
      `The manifest would have ${stored.length} bytes, at most ${LIMITS.manifestBytes} are allowed`,
    );
  }
  const id = toHex(repository.crypto.sha256(stored)) as BackupId;
  await repository.storage.put(manifestName(id), stored);
  // §17.2: a rotation between the check and the put has closed this epoch, perhaps without this manifest.
  await assertEpochIsNewest(repository);
  return { id, bytes: bytes + stored.length };
}

async function sealDetail(session: Session, detail: ManifestDetail): Promise<Manifest['detail']> {
  const plaintext = encodeDetail(detail);
  const { id, length } = await session.chunks.storeBytes(BLOB_KINDS.sealedDetail, plaintext);
  return { id, length };
}

async function writePages(session: Session, builder: PageBuilder): Promise<number> {
  const { storage } = session.repository;
  const made = [...builder.pages].flatMap(([id, { stored, size }]) =>
    stored === undefined ? [] : [{ id, stored, size }],
  );
  if (made.length === 0) return 0;
  const present = await listPages(session);
  const missing = made.filter(({ id, size }) => present.get(id) !== size);
  let bytes = 0;
  for (let start = 0; start < missing.length; start += PAGES_AT_ONCE) {
    const group = missing.slice(start, start + PAGES_AT_ONCE);
    await Promise.all(
      group.map(async ({ id, stored }) => {
        // Cut short by whatever happened to the storage: its name says which bytes belong there, and these are they.
        if (present.has(id)) await storage.delete(pageName(id));
        await storage.put(pageName(id), stored);
      }),
    );
    bytes += group.reduce((sum, { stored }) => sum + stored.length, 0);
  }
  return bytes;
}

/** §18.1: everything that the manifest will reach is there at its size and not doomed, and the epoch is open. */
async function commitCheck(session: Session, pages: ReadonlyMap<PageId, ReachedPage>): Promise<void> {
  const { repository, catalog } = session;
  await assertEpochIsNewest(repository);
  const doomed = await readDoomed(repository);
  const listed = await listPacks(repository);
  const sizes = catalog.packs();
  const reached = new Set([...session.reusedPacks, ...session.ownPacks.keys()]);
  const gone = [...reached].filter(
    (id) => listed.get(id) !== (session.ownPacks.get(id) ?? sizes.get(id)) || doomed.has(packName(id)),
  );
  const present = await listPages(session);
  const pageGone = [...pages].some(([id, { size }]) => present.get(id) !== size || doomed.has(pageName(id)));
  if (gone.length > 0 || pageGone) throw new VanishedError(gone);
}

/** All stored pages with their sizes in bytes. */
async function listPages({ repository }: Session): Promise<ReadonlyMap<PageId, number>> {
  const pages = new Map<PageId, number>();
  for await (const { name, size } of repository.storage.list('pages/')) {
    const { kind, hash } = parseName(name);
    if (kind === 'page') pages.set(hash as PageId, size);
  }
  return pages;
}
