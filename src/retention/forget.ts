/** Forgetting backups: signed tombstones, then their manifests go. Implements §12.3 and §17.4 for writers. */

import { NbakError } from '../errors.js';
import { toHex } from '../format/bytes.js';
import { SIGNED_TYPES } from '../format/cose.js';
import { encodeTombstone } from '../format/history.js';
import type { BackupId } from '../format/ids.js';
import type { Backup } from '../repository/manifests.js';
import { historyName, manifestName } from '../repository/object-names.js';
import { assertEpochIsNewest, type UnlockedRepository } from '../repository/open.js';
import type { ForgetPlan } from './plan.js';

/** Rows in one tombstone: with the most parents that §15 allows, as many still fit `manifestBytes`. */
const ROWS_AT_ONCE = 100;

/** What a forget did. */
export interface ForgetResult {
  /** Backups that are gone now, ascending: those of the plan, and what an earlier forget had left. */
  readonly forgotten: readonly BackupId[];
}

/** How to forget. */
export interface ForgetOptions {
  readonly signal?: AbortSignal;
}

/**
 * Forgets what was planned: each tombstone is stored before the manifests that it names are deleted, so that nobody
 * can take them for taken back.
 *
 * @remarks No space is freed: what only these backups reached stays until it is pruned. A run that ends early leaves
 *   backups that are forgotten, backups that are not, and perhaps manifests that a tombstone names, which still verify
 *   and which the next forget deletes.
 * @throws NbakError `INTERRUPTED`, `FORMAT_NEWER` where the repository was rotated meanwhile, or a STORAGE code.
 *
 * @example
 * ```ts
 * import { forget, planForget, readBackups, type UnlockedRepository } from 'nbak';
 *
 * async function forgetAllButNewest(repository: UnlockedRepository): Promise<number> {
 *   const { backups } = await readBackups(repository);
 *   const plan = await planForget(repository, backups.slice(1).map(({ id }) => id));
 *   return (await forget(repository, plan)).forgotten.length;
 * }
 *
 * console.assert(typeof forgetAllButNewest === 'function');
 * ```
 */
export async function forget(
  repository: UnlockedRepository,
  { backups, leftOver }: ForgetPlan,
  { signal }: ForgetOptions = {},
): Promise<ForgetResult> {
  for (const id of leftOver) await repository.storage.delete(manifestName(id));
  for (let start = 0; start < backups.length; start += ROWS_AT_ONCE) {
    if (signal?.aborted === true) throw new NbakError('INTERRUPTED', 'Forgetting was interrupted');
    const group = backups.slice(start, start + ROWS_AT_ONCE);
    await putTombstone(repository, group);
    for (const { id } of group) await repository.storage.delete(manifestName(id));
  }
  return { forgotten: [...leftOver, ...backups.map(({ id }) => id)].sort() };
}

async function putTombstone(repository: UnlockedRepository, backups: readonly Backup[]): Promise<void> {
  const { crypto, storage, secrets, id } = repository;
  const rows = backups.map(({ id: digest, manifest: { sequence, parents } }) => ({
    digest,
    sequence,
    parents,
    successor: undefined,
  }));
  const payload = encodeTombstone({ repository: id, time: Date.now(), rows });
  const stored = secrets.adminSigner.sign(SIGNED_TYPES.tombstone, payload);
  // A tombstone of a closed key that its closing does not list is tampering (§13.3): none may be signed after it, and
  // nothing deleted by it.
  await assertEpochIsNewest(repository);
  await storage.put(historyName(toHex(crypto.sha256(stored))), stored);
  await assertEpochIsNewest(repository);
}
