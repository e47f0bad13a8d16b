/** The objects beside packs, pages and manifests, each checked by itself. Implements §20.1 steps 2 and 4. */

import { isNbakError, NbakError } from '../errors.js';
import { COMPRESSED_OVERHEAD_BYTES } from '../format/compressed-object.js';
import { SIGNED_TYPES } from '../format/cose.js';
import { decodeTombstone, type TombstoneRow } from '../format/history.js';
import type { BackupId, PackId, PageId } from '../format/ids.js';
import { decodeIndex } from '../format/index-object.js';
import { LIMITS } from '../format/limits.js';
import type { Footer } from '../format/pack.js';
import { decodeDoomNote, decodeKeySlot, decodeLease } from '../format/notes.js';
import { unpackObject } from '../repository/compressed-io.js';
import { parseName } from '../repository/object-names.js';
import type { Repository } from '../repository/open.js';
import { packIdOf } from '../repository/pack-writer.js';
import type { FooterVerifier } from '../repository/pack-reader.js';
import { readHashed, readWhole } from '../repository/read-object.js';
import type { ObjectName } from '../storage/storage.js';
import { problemOf, type VerifyProblem } from './result.js';

/** What a storage holds, by kind. */
export interface Inventory {
  readonly packs: ReadonlyMap<PackId, number>;
  readonly pages: ReadonlyMap<PageId, number>;
  readonly manifests: readonly BackupId[];
  /** Everything else that has a place in §16.1. */
  readonly others: readonly { readonly name: ObjectName; readonly size: number }[];
  readonly problems: readonly VerifyProblem[];
}

/** Lists a storage and names what has no place in it. */
export async function takeInventory({ storage }: Repository): Promise<Inventory> {
  const packs = new Map<PackId, number>();
  const pages = new Map<PageId, number>();
  const manifests: BackupId[] = [];
  const others: { name: ObjectName; size: number }[] = [];
  const problems: VerifyProblem[] = [];
  const unexpected = (name: string): void => {
    const error = new NbakError('OBJECT_UNEXPECTED', `${name} has no place in a repository`);
    problems.push(problemOf(error, { object: name }));
  };
  for await (const { name, size } of storage.list('')) {
    const { kind, hash } = parseName(name);
    if (kind === 'pack') packs.set(hash as PackId, size);
    else if (kind === 'page') pages.set(hash as PageId, size);
    else if (kind === 'manifest') manifests.push(hash as BackupId);
    else if (kind === 'unexpected') unexpected(name);
    else if (kind !== 'temporary') others.push({ name, size });
  }
  for await (const { name } of storage.listForeign()) unexpected(name);
  return { packs, pages, manifests: manifests.sort(), others, problems };
}

/** Tombstone rows and footers that were found, and what is wrong. */
export interface ObjectFindings {
  readonly tombstones: readonly TombstoneRow[];
  /** Footers in index objects, by pack: they say what was in a pack that is gone. */
  readonly indexed: ReadonlyMap<PackId, Footer>;
  readonly problems: readonly VerifyProblem[];
}

/**
 * Checks records, slots, index objects, tombstones, leases and doom notes.
 *
 * @param footers - verifies the footers in index objects.
 */
export async function checkObjects(
  repository: Repository,
  inventory: Inventory,
  footers: FooterVerifier,
): Promise<ObjectFindings> {
  const indexed = new Map<PackId, Footer>();
  const found = await checkEach(inventory.others, async (name) => {
    if (parseName(name).kind !== 'index') return checkObject(repository, name);
    await checkIndex(repository, name, { footers, indexed });
    return [];
  });
  return { ...found, indexed };
}

/**
 * Tombstones that came while everything was listed and read: a forget that runs meanwhile stores one before it deletes a
 * manifest (§17.4), so whoever misses the manifest finds the tombstone now.
 */
export async function checkLateTombstones(
  repository: Repository,
  { others }: Inventory,
): Promise<Omit<ObjectFindings, 'indexed'>> {
  const seen = new Set(others.map(({ name }) => name));
  const late: { readonly name: ObjectName }[] = [];
  for await (const { name } of repository.storage.list('history/')) {
    if (parseName(name).kind === 'history' && !seen.has(name)) late.push({ name });
  }
  return checkEach(late, (name) => checkObject(repository, name));
}

/** Checks one object after the other; what is wrong with one is a finding and no end. */
async function checkEach(
  objects: readonly { readonly name: ObjectName }[],
  check: (name: ObjectName) => Promise<readonly TombstoneRow[]>,
): Promise<Omit<ObjectFindings, 'indexed'>> {
  const tombstones: TombstoneRow[] = [];
  const problems: VerifyProblem[] = [];
  for (const { name } of objects) {
    try {
      tombstones.push(...(await check(name)));
    } catch (error) {
      if (!isNbakError(error)) throw error;
      problems.push(problemOf(error, { object: name }));
    }
  }
  return { tombstones, problems };
}

async function checkObject(repository: Repository, name: ObjectName): Promise<readonly TombstoneRow[]> {
  switch (parseName(name).kind) {
    case 'epoch': {
      const bytes = await readHashed(repository, name, LIMITS.recordBytes);
      repository.keyRing.verify(bytes, { type: SIGNED_TYPES.epoch, role: 'admin', what: name });
      return [];
    }
    case 'key': {
      const slot = decodeKeySlot(await readHashed(repository, name, LIMITS.manifestBytes));
      assertOwn(repository, slot.repository, name);
      return [];
    }
    case 'history': {
      const bytes = await readHashed(repository, name, LIMITS.manifestBytes);
      const { payload } = repository.keyRing.verify(bytes, {
        type: SIGNED_TYPES.tombstone,
        role: 'admin',
        what: name,
      });
      const tombstone = decodeTombstone(payload);
      assertOwn(repository, tombstone.repository, name);
      return tombstone.rows;
    }
    case 'doom': {
      const bytes = await readHashed(repository, name, LIMITS.manifestBytes);
      const { payload } = repository.keyRing.verify(bytes, {
        type: SIGNED_TYPES.doom,
        role: 'admin',
        what: name,
      });
      assertOwn(repository, decodeDoomNote(payload).repository, name);
      return [];
    }
    case 'lease': {
      const bytes = await readWhole(repository.storage, name, LIMITS.manifestBytes);
      const { payload } = repository.keyRing.verify(bytes, {
        type: SIGNED_TYPES.lease,
        role: 'backup',
        what: name,
      });
      assertOwn(repository, decodeLease(payload).repository, name);
      return [];
    }
    default:
      // `repository` was checked when it was opened.
      return [];
  }
}

async function checkIndex(
  repository: Repository,
  name: ObjectName,
  to: { readonly footers: FooterVerifier; readonly indexed: Map<PackId, Footer> },
): Promise<void> {
  const bytes = await readHashed(repository, name, LIMITS.indexRawBytes + COMPRESSED_OVERHEAD_BYTES);
  for (const signedFooter of decodeIndex(unpackObject('NBKI', bytes, LIMITS.indexRawBytes, name))) {
    const pack = packIdOf(repository, signedFooter);
    to.indexed.set(pack, to.footers.verify(pack, signedFooter).footer);
  }
}

function assertOwn(repository: Repository, stated: string, name: ObjectName): void {
  if (stated === repository.id) return;
  throw new NbakError('REFERENCE_TAMPERED', `${name} states another repository than the one it lies in`, {
    details: { object: name },
  });
}
