/** Rows of the table: what was measured, and whether it meets its target. */

import type { CorpusFacts } from './corpora/corpus.js';
import type { MemoryPoint } from './suites/suite.js';
import type { Runs } from './runs.js';
import { median, medianRatio, rounded } from './statistics.js';

/** What the numbers of a row are. */
export type Unit = 's' | 'ms' | 'bytes' | 'MiB';

/** One line of the table. */
export interface Row {
  readonly suite: string;
  readonly work: string;
  readonly unit: Unit;
  readonly nbak?: number;
  readonly restic?: number;
  readonly borg?: number;
  /** What a target by ratio looks at: how many times faster than restic, or what the row's text says. */
  readonly ratio?: number;
  readonly target?: string;
  readonly met?: boolean;
}

/** Which work a row is about. */
interface Subject {
  readonly suite: string;
  readonly work: string;
}

/**
 * Seconds of one work, and how many times faster than restic nbak is, pair by pair.
 *
 * @param options.least - the target.
 * @param options.resticWork - restic's work where it has none of this name.
 */
export function timeRow(
  runs: Runs,
  subject: Subject,
  options: { readonly least?: number; readonly resticWork?: string } = {},
): Row {
  const ours = runs.seconds(subject.work, 'nbak');
  const theirs = runs.seconds(options.resticWork ?? subject.work, 'restic');
  const borg = runs.seconds(options.resticWork ?? subject.work, 'borg');
  const ratio = theirs.length > 0 ? rounded(medianRatio(theirs, ours)) : undefined;
  return {
    ...subject,
    unit: 's',
    nbak: rounded(median(ours)),
    ...(theirs.length > 0 && { restic: rounded(median(theirs)) }),
    ...(borg.length > 0 && { borg: rounded(median(borg)) }),
    ...(ratio !== undefined && { ratio }),
    ...(options.least !== undefined && {
      target: `≥ ${options.least} × faster`,
      met: (ratio ?? 0) >= options.least,
    }),
  };
}

/** A limit of the bytes that a work adds. */
export type BytesLimit = { readonly partOfRestic: number } | { readonly bytes: number };

/** What the repository grew by in one work. */
export function bytesRow(runs: Runs, { suite, work }: Subject, limit: BytesLimit): Row {
  const [nbak = Number.NaN, restic = Number.NaN, borg] = (['nbak', 'restic', 'borg'] as const).map((tool) =>
    runs.bytes(work, tool),
  );
  const most = 'bytes' in limit ? limit.bytes : limit.partOfRestic * restic;
  const part = 'bytes' in limit || limit.partOfRestic === 1 ? '' : `${limit.partOfRestic} × `;
  return {
    suite,
    work: `${work}, bytes`,
    unit: 'bytes',
    nbak,
    restic,
    ...(borg !== undefined && { borg }),
    ratio: rounded(nbak / restic),
    target: 'bytes' in limit ? `≤ ${limit.bytes / 1024} KiB` : `≤ ${part}restic’s`,
    met: nbak <= most,
  };
}

/** The highest peak of all works of a suite. */
export function memoryRow(runs: Runs, suite: string, mostMiB?: number): Row {
  const [nbak = 0, restic, borg] = (['nbak', 'restic', 'borg'] as const).map((tool) => runs.peakMiB(tool));
  return {
    suite,
    work: 'peak memory',
    unit: 'MiB',
    nbak: Math.round(nbak),
    ...(restic !== undefined && { restic: Math.round(restic) }),
    ...(borg !== undefined && { borg: Math.round(borg) }),
    ...(mostMiB !== undefined && { target: `≤ ${mostMiB} MiB`, met: nbak <= mostMiB }),
  };
}

/** A measure of nbak that may be at most so many times something else, which the work's text names. */
export function ratioRow(
  subject: Subject,
  measured: { readonly unit: Unit; readonly nbak: number; readonly ratio: number; readonly most: number },
): Row {
  const { unit, nbak, ratio, most } = measured;
  return {
    ...subject,
    unit,
    nbak: rounded(nbak),
    ratio: rounded(ratio),
    target: `≤ ${most} ×`,
    met: ratio <= most,
  };
}

/** A point of the memory curve: the peak of all of nbak's runs on a corpus. */
export function memoryPoint(
  corpus: string,
  { files, bytes }: Pick<CorpusFacts, 'files' | 'bytes'>,
  runs: Runs,
): MemoryPoint {
  return { corpus, files, bytes, peakMiB: Math.round(runs.peakMiB('nbak') ?? 0) };
}
