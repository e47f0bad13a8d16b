/** Staging what a swap will move in, each part on the volume where it belongs. Implements §22.8 step 2. */

import { isNbakError, NbakError } from '../../errors.js';
import { joinPath, pathToText, type BytePath } from '../../format/path.js';
import { dataBytes } from '../plan.js';
import { assertSpace } from '../target.js';
import { restore } from '../restore.js';
import type { RestoreOptions, RestoreResult, RestoreSource } from '../result.js';
import type { Comparison, SwapPolicy } from './compare.js';
import type { Survey } from './survey.js';
import { volumeOf, type Volume } from './volumes.js';

/** Where in a run's directory the staged tree lies. */
const STAGED = 'new';

/** What one volume is to hold. */
export interface StagingPlan {
  readonly volumes: readonly Volume[];
  /** Paths of what has to be staged, relative to the target. */
  readonly needed: ReadonlySet<BytePath>;
}

/** Says what has to be staged: in place all, so that nothing is missing if the target changes meanwhile. */
export function planStaging(
  { entries }: Survey,
  comparison: Comparison,
  run: { readonly volumes: readonly Volume[]; readonly policy: SwapPolicy },
): StagingPlan {
  const { volumes, policy } = run;
  if (policy.way === 'in-place') return { volumes, needed: new Set(entries.keys()) };
  const needed = new Set<BytePath>(comparison.entered.filter((path) => entries.has(path)));
  const swapped = new Set(comparison.steps.filter((step) => step.new).map(({ path }) => path));
  let within: BytePath | undefined;
  for (const path of entries.keys()) {
    if (swapped.has(path)) within = path;
    if (within !== undefined && (path === within || path.startsWith(`${within}/`))) needed.add(path);
  }
  return { volumes, needed };
}

/** Where a volume's staged tree begins, relative to the volume. */
export function stagedBase(survey: Survey, { base }: Volume, run: BytePath): BytePath {
  return [run, STAGED, survey.stagedPrefix, base].filter((part) => part !== '').join('/') as BytePath;
}

/** @throws NbakError `SPACE_INSUFFICIENT`. */
export function assertStagingSpace({ entries }: Survey, { volumes, needed }: StagingPlan): void {
  for (const volume of volumes) {
    let bytes = 0;
    for (const path of needed) {
      const planned = entries.get(path);
      if (planned !== undefined && volumeOf(volumes, path) === volume) bytes += dataBytes(planned.entry);
    }
    assertSpace(textOf(volume), bytes);
  }
}

/**
 * Restores each volume's part into its run directory.
 *
 * @throws NbakError what `restore` throws; the target is untouched.
 */
export async function stage(
  source: RestoreSource,
  survey: Survey,
  run: { readonly plan: StagingPlan; readonly options: RestoreOptions; readonly directory: BytePath },
): Promise<RestoreResult> {
  const { volumes, needed } = run.plan;
  const results: RestoreResult[] = [];
  for (const volume of volumes) {
    const isHere = (place: BytePath): boolean => {
      const path = survey.stagedPrefix === '' ? place : place.slice(survey.stagedPrefix.length + 1);
      return needed.has(path as BytePath) && volumeOf(volumes, path as BytePath) === volume;
    };
    const target = `${textOf(volume)}/${pathToText(joinPath(run.directory, STAGED))}`;
    const selection = { ...run.options.selection, only: within(survey, isHere) };
    try {
      results.push(await restore(source, { ...run.options, target, selection }));
    } catch (error) {
      if (!isNbakError(error, 'INTERRUPTED')) throw error;
      throw new NbakError('INTERRUPTED', `Interrupted: ${textOf(volume)} is what it was`, {
        hint: 'Run it again.',
        cause: error,
      });
    }
  }
  return mergeResults(results);
}

/** Of several roots in place one is taken. */
function within(
  { stagedPrefix: prefix }: Survey,
  isHere: (place: BytePath) => boolean,
): (place: BytePath) => boolean {
  if (prefix === '') return isHere;
  return (place) => (place === prefix || place.startsWith(`${prefix}/`)) && isHere(place);
}

function textOf({ path }: Volume): string {
  return pathToText(path as BytePath);
}

function mergeResults(results: readonly RestoreResult[]): RestoreResult {
  const sum = (key: 'files' | 'directories' | 'links' | 'fifos' | 'bytes' | 'durationMs'): number =>
    results.reduce((total, each) => total + each[key], 0);
  return {
    files: sum('files'),
    directories: sum('directories'),
    links: sum('links'),
    fifos: sum('fifos'),
    bytes: sum('bytes'),
    databases: results.flatMap(({ databases }) => databases),
    failed: results.flatMap(({ failed }) => failed),
    notRestored: results.flatMap(({ notRestored }) => notRestored),
    tokens: {
      opened: results.reduce((total, { tokens }) => total + tokens.opened, 0),
      failed: results.reduce((total, { tokens }) => total + tokens.failed, 0),
    },
    durationMs: sum('durationMs'),
  };
}
