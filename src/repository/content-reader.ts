/** Everything that reads the content of backups, opened together. */

import { keySchedule } from '../vault/key-schedule.js';
import type { BlobSecrets } from './blob-crypto.js';
import type { BlobEngine } from './blob-engine.js';
import { BlobReader } from './blob-reader.js';
import type { Catalog } from './catalog.js';
import { BlobCatalog } from './catalog-blobs.js';
import type { DigestKeys } from './file-data.js';
import { adoptLeftoverPacks, syncIndex } from './index-sync.js';
import type { UnlockedRepository } from './open.js';
import { PageReader } from './pages.js';
import { createEngine } from './workers/index.js';
import { createPackChecker } from './workers/pack-checker.js';

/** What reads content; the engine is closed by whoever opened it. */
export interface ContentReader {
  readonly blobs: BlobReader;
  readonly pages: PageReader;
  readonly keys: DigestKeys;
  /** With what threads open blobs. */
  readonly secrets: BlobSecrets;
  readonly engine: BlobEngine;
}

/**
 * Opens what reads the content of backups.
 *
 * @param catalog - of this repository; what it lacks of the index is read from the storage.
 * @param threads - worker threads that open blobs; 0 means this thread.
 * @throws NbakError a STORAGE code; damaged index objects are no error, their packs are read instead.
 *
 * @example
 * ```ts
 * import { readEntries, type Backup, type ContentReader, type ManifestDetail } from 'nbak';
 *
 * async function sizeOf({ pages }: ContentReader, backup: Backup, detail: ManifestDetail): Promise<number> {
 *   let bytes = 0;
 *   for await (const { entry } of readEntries(pages, backup, detail)) bytes += entry.size;
 *   return bytes;
 * }
 *
 * console.assert(typeof sizeOf === 'function');
 * ```
 */
export async function openContentReader(
  repository: UnlockedRepository,
  catalog: Catalog,
  threads: number,
): Promise<ContentReader> {
  const { crypto, id, secrets } = repository;
  const { epoch, root, dedup } = secrets;
  const known = new BlobCatalog(catalog);
  const blobSecrets = { repository: id, epoch, root, dedup };
  const engine = createEngine(crypto, threads, { blobs: blobSecrets });
  const packs = createPackChecker(threads);
  try {
    const listed = await syncIndex(repository, known);
    // Index objects are a convenience (DESIGN §4.4): what they lost is read from the packs themselves.
    await adoptLeftoverPacks(repository, known, { listed, packs });
    const blobs = new BlobReader(repository, known, engine);
    const schedule = keySchedule(crypto, id);
    const digestKeys = new Map(dedup.map(({ number, secret }) => [number, schedule.digestKey(secret)]));
    return {
      blobs,
      pages: new PageReader(repository, blobs),
      keys: { crypto, digestKeys },
      secrets: blobSecrets,
      engine,
    };
  } catch (error) {
    await engine.close();
    throw error;
  } finally {
    await packs.close();
  }
}
