/** Verifying with a public key alone, and with secrets the content too. Implements §20. */

import { isNbakError, NbakError } from '../errors.js';
import type { BackupId, BlobId, PackId } from '../format/ids.js';
import type { RememberedHead } from '../repository/catalog-heads.js';
import { manifestName, packName } from '../repository/object-names.js';
import { readBackup, type Backup, type UnreadableBackup } from '../repository/manifests.js';
import type { Repository } from '../repository/open.js';
import { FooterVerifier } from '../repository/pack-reader.js';
import { PageReader } from '../repository/pages.js';
import { BackupChecker } from './backups.js';
import { checkContent, type Decryption } from './decrypt.js';
import { checkHistory } from './history.js';
import {
  checkLateTombstones,
  checkObjects,
  takeInventory,
  type Inventory,
  type ObjectFindings,
} from './objects.js';
import { checkPacks, type PackFindings } from './packs.js';
import { PageSummaries } from './pages.js';
import { packsReachedBy } from './reach.js';
import {
  problemOf,
  type HeadMemory,
  type VerifyOptions,
  type VerifyProblem,
  type VerifyResult,
} from './result.js';

/**
 * Verifies a repository that was opened with a pinned key, or some backups of it.
 *
 * @remarks Reads every object whatever its kind when no backup is named, else those that the named ones reach.
 *   Nothing is written but the heads that were seen. Memory: some 200 bytes per blob and what the pack checker takes.
 * @param decryption - compares every file and checks every database (§20.3); the pack checker must have the same
 *   secrets.
 * @returns findings; only a storage that fails, a wrong id or an interruption throws.
 * @throws NbakError `BACKUP_NOT_FOUND`, `INTERRUPTED` or a STORAGE code.
 */
export async function verify(
  repository: Repository,
  options: VerifyOptions,
  decryption?: Decryption,
): Promise<VerifyResult> {
  const startedAt = Date.now();
  const inventory = await takeInventory(repository);
  const isWhole = options.backups.length === 0;
  const footers = new FooterVerifier(repository);
  const pages = new PageReader(repository);
  const summaries = new PageSummaries(pages);
  const check = (packs: ReadonlyMap<PackId, number>, untilIdle: Promise<unknown>): Promise<PackFindings> =>
    checkPacks(repository, packs, { ...options, footers, untilIdle });
  const reading = readOthers(repository, inventory, {
    footers,
    heads: options.heads,
    ...(isWhole && { summaries }),
  });
  // All packs need nothing but the listing: threads read them while this one reads everything else.
  const [early, others] = await Promise.all([isWhole ? check(inventory.packs, reading) : undefined, reading]);
  const { objects, manifests, remembered } = others;
  const late = await checkLateTombstones(repository, inventory);
  const tombstones = [...objects.tombstones, ...late.tombstones];
  const { backups } = manifests;
  // Forgotten since it was listed, which is no damage.
  const unreadable = manifests.unreadable.filter(
    ({ id, error }) => error.code !== 'OBJECT_MISSING' || !tombstones.some(({ digest }) => digest === id),
  );
  const chosen = isWhole ? backups : choose(backups, unreadable, options.backups);
  const reached = { packs: inventory.packs, indexed: objects.indexed, summaries };
  const packs = early ?? (await check(await packsReachedBy(chosen, reached), Promise.resolve()));
  const checker = new BackupChecker(packs, lostBlobs(packs, objects.indexed), { pages, summaries });
  for (const backup of chosen) await checker.check(backup);
  const content = decryption && (await checkContent(chosen, packs, decryption));
  for (const { backup, blob, file } of content?.lost ?? []) checker.nameFile(backup, blob, file);
  const affected = checker.problems();
  if (isWhole) for (const id of inventory.pages.keys()) await checker.checkPage(id);

  const problems: VerifyProblem[] = [
    ...(isWhole ? [...inventory.problems, ...objects.problems, ...late.problems] : []),
    ...unreadable
      .filter(({ id }) => isWhole || options.backups.includes(id))
      .map(({ id, error }) => problemOf(error, { object: manifestName(id), backups: [id] })),
    ...(isWhole
      ? packs.problems.filter((problem) => !affected.some(({ object }) => object === problem.object))
      : []),
    ...(isWhole ? checker.problems() : affected),
    ...(isWhole ? unreachedDamage(packs, checker) : []),
    ...(isWhole
      ? checkHistory({
          backups,
          tombstones,
          unreadable: unreadable.map(({ id }) => id),
          remembered,
          remember: (heads) => options.heads.remember(heads),
          maxAgeMs: options.maxAgeMs,
          now: startedAt,
        })
      : []),
  ];
  problems.push(...(content?.problems ?? []));
  const unreachedPages = [...inventory.pages.keys()].filter((id) => !checker.reachedPages.has(id)).length;
  const reachedPacks = new Set([...checker.reachedBlobs].map((id) => packs.packOf.get(id)));
  const isFinding = (name: string): boolean => problems.some(({ object }) => object === name);
  const unreachedPacks = [...inventory.packs.keys()].filter(
    (id) => !reachedPacks.has(id) && !isFinding(packName(id)),
  ).length;
  return {
    ok: problems.length === 0,
    backups: chosen.length,
    objects:
      1 + inventory.packs.size + inventory.pages.size + inventory.manifests.length + inventory.others.length,
    blobs: packs.blobs,
    bytes:
      packs.bytes +
      sum(inventory.pages.values()) +
      inventory.others.reduce((total, { size }) => total + size, 0),
    problems,
    unreachable: isWhole ? unreachedPages + unreachedPacks : 0,
    ...(content && {
      decrypted: {
        files: content.files,
        databases: content.databases,
        notCheckable: content.notCheckable,
        damagedAtCapture: content.damagedAtCapture,
      },
    }),
    durationMs: Date.now() - startedAt,
  };
}

interface Manifests {
  readonly backups: readonly Backup[];
  readonly unreadable: readonly UnreadableBackup[];
}

/** Everything but packs. */
async function readOthers(
  repository: Repository,
  inventory: Inventory,
  to: { readonly footers: FooterVerifier; readonly heads: HeadMemory; readonly summaries?: PageSummaries },
): Promise<{
  readonly objects: ObjectFindings;
  readonly manifests: Manifests;
  readonly remembered: readonly RememberedHead[];
}> {
  await to.summaries?.load(inventory.pages.keys());
  const objects = await checkObjects(repository, inventory, to.footers);
  const manifests = await readManifests(repository, inventory.manifests);
  return { objects, manifests, remembered: to.heads.remembered() };
}

async function readManifests(repository: Repository, ids: readonly BackupId[]): Promise<Manifests> {
  const backups: Backup[] = [];
  const unreadable: UnreadableBackup[] = [];
  for (const id of ids) {
    try {
      backups.push(await readBackup(repository, id));
    } catch (error) {
      if (!isNbakError(error)) throw error;
      unreadable.push({ id, error });
    }
  }
  return { backups, unreadable };
}

function choose(
  backups: readonly Backup[],
  unreadable: readonly UnreadableBackup[],
  wanted: readonly BackupId[],
): readonly Backup[] {
  return wanted.flatMap((id) => {
    const backup = backups.find((each) => each.id === id);
    if (backup !== undefined) return [backup];
    if (unreadable.some((each) => each.id === id)) return [];
    throw new NbakError('BACKUP_NOT_FOUND', `There is no backup ${id}`, { details: { backup: id } });
  });
}

function lostBlobs(packs: PackFindings, indexed: ObjectFindings['indexed']): ReadonlyMap<BlobId, PackId> {
  const lost = new Map<BlobId, PackId>();
  for (const [pack, footer] of indexed) {
    for (const { id } of footer.blobs) if (!packs.good.has(id) && !packs.bad.has(id)) lost.set(id, pack);
  }
  return lost;
}

/** Damage in blobs that no backup reaches is damage all the same: a bit that rots here rots elsewhere next. */
function unreachedDamage(packs: PackFindings, checker: BackupChecker): readonly VerifyProblem[] {
  return [...packs.bad].filter(([id]) => !checker.reachedBlobs.has(id)).map(([, problem]) => problem);
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
