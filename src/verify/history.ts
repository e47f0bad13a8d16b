/** Is anything taken back, missing or too old? Implements §12.2. */

import { NbakError } from '../errors.js';
import type { TombstoneRow } from '../format/history.js';
import type { BackupId } from '../format/ids.js';
import { isSealedDetail } from '../format/manifest.js';
import { pathToText } from '../format/path.js';
import type { RememberedHead } from '../repository/catalog-heads.js';
import { headsOf, type Backup } from '../repository/manifests.js';
import { problemOf, type HeadMemory, type VerifyProblem } from './result.js';

/** What the history is judged by. */
export interface HistoryFacts {
  readonly backups: readonly Backup[];
  readonly tombstones: readonly TombstoneRow[];
  /** Manifests that are there and do not verify: they are not missing. */
  readonly unreadable: readonly BackupId[];
  /** The heads of the last look. */
  readonly remembered: readonly RememberedHead[];
  readonly remember: HeadMemory['remember'];
  readonly maxAgeMs: number | undefined;
  readonly now: number;
}

/** Checks parents, sequences, remembered heads and age; remembers the heads it saw unless some were taken back. */
export function checkHistory(facts: HistoryFacts): readonly VerifyProblem[] {
  const sequences = new Map<BackupId, number>();
  for (const { id, manifest } of facts.backups) sequences.set(id, manifest.sequence);
  for (const row of facts.tombstones) sequences.set(row.digest, row.sequence);
  const present = (id: BackupId): boolean => sequences.has(id) || facts.unreadable.includes(id);

  const problems = [...rowProblems(facts), ...parentProblems(facts, sequences, present)];
  const takenBack = facts.remembered.filter(({ id }) => !present(id));
  for (const { id, sequence } of takenBack) {
    const error = new NbakError(
      'TAKEN_BACK',
      `Backup ${id} (sequence ${sequence}) was here at the last look and was taken back`,
    );
    problems.push(problemOf(error, { backups: [id] }));
  }
  if (takenBack.length === 0 && facts.unreadable.length === 0) {
    facts.remember(headsOf(facts.backups, facts.tombstones));
  }
  if (facts.maxAgeMs !== undefined) problems.push(...staleProblems(facts.backups, facts.now, facts.maxAgeMs));
  return problems;
}

/** §12.3: every row of one backup, and its manifest where it is still there, say the same. */
function* rowProblems({ backups, tombstones }: HistoryFacts): Generator<VerifyProblem> {
  const said = new Map<BackupId, string>();
  const nodes = [
    ...backups.map(({ id, manifest: { sequence, parents } }) => ({ id, sequence, parents })),
    ...tombstones.map(({ digest: id, sequence, parents }) => ({ id, sequence, parents })),
  ];
  for (const { id, sequence, parents } of nodes) {
    const text = JSON.stringify([sequence, parents]);
    if (said.has(id) && said.get(id) !== text) {
      const error = new NbakError(
        'REFERENCE_TAMPERED',
        `A tombstone contradicts backup ${id}, or another tombstone, about sequence and parents`,
      );
      yield problemOf(error, { backups: [id] });
    }
    said.set(id, text);
  }
}

function* parentProblems(
  { backups, tombstones, unreadable }: HistoryFacts,
  sequences: ReadonlyMap<BackupId, number>,
  present: (id: BackupId) => boolean,
): Generator<VerifyProblem> {
  for (const { digest, parents } of tombstones) {
    for (const parent of parents.filter((id) => !present(id))) {
      const error = new NbakError(
        'PARENT_MISSING',
        `Backup ${parent} is missing: backup ${digest}, since forgotten, was made after it`,
      );
      yield problemOf(error, { backups: [digest] });
    }
  }
  for (const { id, manifest } of backups) {
    const missing = manifest.parents.filter((parent) => !present(parent));
    for (const parent of missing) {
      const error = new NbakError(
        'PARENT_MISSING',
        `Backup ${parent} is missing: backup ${id} was made after it, and nothing says that it was forgotten`,
      );
      yield problemOf(error, { backups: [id] });
    }
    if (missing.length > 0 || manifest.parents.some((parent) => unreadable.includes(parent))) continue;
    const expected = 1 + Math.max(0, ...manifest.parents.map((parent) => sequences.get(parent) ?? 0));
    if (manifest.sequence !== expected) {
      const error = new NbakError(
        'REFERENCE_TAMPERED',
        `Backup ${id} has sequence ${manifest.sequence} where its parents make it ${expected}`,
      );
      yield problemOf(error, { backups: [id] });
    }
  }
}

function staleProblems(backups: readonly Backup[], now: number, maxAgeMs: number): readonly VerifyProblem[] {
  const newest = new Map<string, Backup>();
  for (const backup of backups) {
    const { detail } = backup.manifest;
    const key = isSealedDetail(detail)
      ? ''
      : JSON.stringify([detail.host, ...detail.roots.map(({ path }) => path)]);
    const other = newest.get(key);
    if (other === undefined || stateTime(backup) > stateTime(other)) newest.set(key, backup);
  }
  if (newest.size === 0) return [problemOf(new NbakError('STALE', 'There is no backup at all'))];
  return [...newest.values()]
    .filter((backup) => now - stateTime(backup) > maxAgeMs)
    .map((backup) => {
      const { detail } = backup.manifest;
      const what = isSealedDetail(detail)
        ? 'The newest backup'
        : `The newest backup of ${detail.host}:${detail.roots.map(({ path }) => pathToText(path)).join(', ')}`;
      const error = new NbakError(
        'STALE',
        `${what} is from ${new Date(stateTime(backup)).toISOString()}, older than allowed`,
      );
      return problemOf(error, { backups: [backup.id] });
    });
}

/** §12.2: neither a backdated signature nor a postdated state makes a backup younger. */
function stateTime({ manifest }: Backup): number {
  return Math.min(manifest.time, manifest.signedAt);
}
