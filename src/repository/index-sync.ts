/** Bringing the catalog up to date with the index objects and packs in storage. Implements §9, §17.2 and §18.2 for readers. */

import { isNbakError } from '../errors.js';
import type { PackId } from '../format/ids.js';
import { COMPRESSED_OVERHEAD_BYTES } from '../format/compressed-object.js';
import { decodeIndex, encodeIndex } from '../format/index-object.js';
import { LIMITS } from '../format/limits.js';
import { toHex } from '../format/bytes.js';
import type { BlobCatalog } from './catalog-blobs.js';
import { packObject, unpackObject } from './compressed-io.js';
import { indexName, packName, parseName } from './object-names.js';
import type { Repository } from './open.js';
import type { PackChecker } from './pack-check.js';
import { checkPack, verifyFooter } from './pack-reader.js';
import { packIdOf } from './pack-writer.js';
import { readHashed } from './read-object.js';

/** All packs in storage with their sizes in bytes. */
export async function listPacks(repository: Repository): Promise<Map<PackId, number>> {
  const packs = new Map<PackId, number>();
  for await (const { name, size } of repository.storage.list('packs/')) {
    const { kind, hash } = parseName(name);
    if (kind === 'pack') packs.set(hash as PackId, size);
  }
  return packs;
}

/**
 * Lists the packs, enters every index object that the catalog does not know, and drops packs that are not listed with
 * their right size (§8.3: before a backup deduplicates against a pack, the pack is listed with its right size).
 * Index objects and footers that do not verify are passed over: `verify` reports them.
 *
 * @param doomed - names of objects that prune announced to delete (§13.6): they count as gone.
 * @returns the packs in storage with their sizes in bytes.
 */
export async function syncIndex(
  repository: Repository,
  catalog: BlobCatalog,
  doomed: ReadonlySet<string> = new Set(),
): Promise<ReadonlyMap<PackId, number>> {
  // Before the listing: a pack that another run on this machine enters meanwhile is new, not lost.
  const known = catalog.packs();
  const listed = await listPacks(repository);
  for (const pack of [...listed.keys()]) if (doomed.has(packName(pack))) listed.delete(pack);
  // A pack with damaged blobs may have been mended since: it is looked at again, not believed for ever.
  for (const pack of catalog.partialPacks()) catalog.dropPack(pack);
  let lost = false;
  for (const [pack, size] of known) {
    if (listed.get(pack) === size) continue;
    catalog.dropPack(pack);
    lost = true;
  }
  // A pack that went and came back must be found again.
  if (lost) catalog.forgetIndexes();
  for await (const { name } of repository.storage.list('index/')) {
    if (parseName(name).kind !== 'index' || catalog.hasIndex(name)) continue;
    try {
      const bytes = await readHashed(repository, name, LIMITS.indexRawBytes + COMPRESSED_OVERHEAD_BYTES);
      enterFooters(repository, catalog, {
        listed,
        raw: unpackObject('NBKI', bytes, LIMITS.indexRawBytes, name),
      });
    } catch (error) {
      if (!isNbakError(error)) throw error;
      continue;
    }
    catalog.addIndex(name);
  }
  return listed;
}

function enterFooters(
  repository: Repository,
  catalog: BlobCatalog,
  from: { readonly listed: ReadonlyMap<PackId, number>; readonly raw: Uint8Array },
): void {
  const known = catalog.packs();
  for (const signedFooter of decodeIndex(from.raw)) {
    const id = packIdOf(repository, signedFooter);
    if (known.has(id)) continue;
    try {
      const { footer, size } = verifyFooter(repository, id, signedFooter);
      if (from.listed.get(id) === size) catalog.addPack(id, size, footer);
    } catch (error) {
      if (!isNbakError(error)) throw error;
    }
  }
}

/**
 * Enters packs that are in storage and in no index, after every byte of them was checked (§18.2). They are what a
 * run that was killed left behind.
 *
 * @param from.packs - a checker; one with secrets would open every blob, which nobody asks for here.
 * @returns their signed footers, so that the next index object holds them.
 */
export async function adoptLeftoverPacks(
  repository: Repository,
  catalog: BlobCatalog,
  from: { readonly listed: ReadonlyMap<PackId, number>; readonly packs: PackChecker },
): Promise<readonly Uint8Array[]> {
  const adopted: Uint8Array[] = [];
  const known = catalog.packs();
  for (const [id, size] of from.listed) {
    if (known.has(id)) continue;
    try {
      const checked = await checkPack(repository, from.packs, { id, size });
      const damagedAt = new Set(checked.damaged.map(({ index }) => index));
      const damaged = checked.footer.blobs
        .filter((_, index) => damagedAt.has(index))
        .map(({ id: blob }) => blob);
      catalog.addPack(id, size, checked.footer, new Set(damaged));
      // In an index object a footer vouches for all its blobs, also to machines that did not read the pack.
      if (damaged.length === 0) adopted.push(checked.signedFooter);
    } catch (error) {
      if (!isNbakError(error)) throw error;
    }
  }
  return adopted;
}

/** Writes an index object of signed footers and remembers it. */
export async function writeIndex(
  repository: Repository,
  catalog: BlobCatalog,
  signedFooters: readonly Uint8Array[],
): Promise<number> {
  if (signedFooters.length === 0) return 0;
  let written = 0;
  for (const group of groupBySize(signedFooters)) {
    const bytes = packObject('NBKI', encodeIndex(group));
    const name = indexName(toHex(repository.crypto.sha256(bytes)));
    await repository.storage.put(name, bytes);
    catalog.addIndex(name);
    written += bytes.length;
  }
  return written;
}

/** Groups that stay well below the raw limit of an index object. */
function groupBySize(signedFooters: readonly Uint8Array[]): Uint8Array[][] {
  const groups: Uint8Array[][] = [[]];
  let bytes = 0;
  for (const footer of signedFooters) {
    if (bytes + footer.length > LIMITS.indexRawBytes / 2 && bytes > 0) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(footer);
    bytes += footer.length + 5;
  }
  return groups;
}
