/** Restoring over a directory that holds something: staged, then swapped under a journal. Implements §22.5 to §22.8. */

import { pathToText, type BytePath } from '../../format/path.js';
import { assertNoUnfinishedRestore } from '../../source/unfinished-restore.js';
import { dataBytes } from '../plan.js';
import type { RestoreResult, RestoreSource } from '../result.js';
import type { Comparison } from './compare.js';
import { diskFiles, type DurableFiles } from './durable-files.js';
import { targetError } from './errors.js';
import { assertStopped, mountsWithSteps, OverRun } from './over-run.js';
import type { RestoreOverOptions, RestoreOverPlan, RestoreOverResult } from './result.js';
import { assertStagingSpace, planStaging } from './staging.js';
import { survey, type Survey } from './survey.js';

/** What `restore` makes on every system; of the rest it is found out by trying. */
const UNMADE = ['socket', 'character-device', 'block-device'];

/**
 * Says what {@link restoreOver} would do.
 *
 * @throws NbakError as it does before it stages.
 */
export async function planRestoreOver(
  source: RestoreSource,
  options: RestoreOverOptions,
): Promise<RestoreOverPlan> {
  const found = await survey(source, options);
  assertNoUnfinishedRestore(pathToText(found.target as BytePath));
  const { comparison } = found.compare((path) => isMadeEverywhere(found, path));
  const files = [...found.entries.values()].filter(({ entry }) => entry.kind === 'file');
  return {
    files: files.length,
    directories: [...found.entries.values()].filter(({ entry }) => entry.kind === 'directory').length,
    bytes: files.reduce((sum, { entry }) => sum + dataBytes(entry), 0),
    ...pathsOf(comparison),
  };
}

/**
 * Restores over a directory. A run that ends before the swap, however it ends, leaves the directory what it was; one
 * that is killed during the swap leaves a journal, which `resumeRestore` finishes.
 *
 * @throws NbakError `RESTORE_UNFINISHED`, `TARGET_IN_USE`, `TARGET_CONFLICT`, `SPACE_INSUFFICIENT`, `TARGET_FAILED`,
 *   `INTERRUPTED`, or what `restore` throws.
 */
export function restoreOver(source: RestoreSource, options: RestoreOverOptions): Promise<RestoreOverResult> {
  return restoreOverOn(diskFiles, source, options);
}

/** {@link restoreOver} on a disk that may be another than the real one. */
export async function restoreOverOn(
  files: DurableFiles,
  source: RestoreSource,
  options: RestoreOverOptions,
): Promise<RestoreOverResult> {
  const startedAt = Date.now();
  const found = await survey(source, options);
  const shown = pathToText(found.target as BytePath);
  assertNoUnfinishedRestore(shown);
  const before = found.compare((path) => isMadeEverywhere(found, path));
  assertStopped(found, before.old, options);
  const run = new OverRun(files, { source, options, survey: found });
  try {
    run.enter(mountsWithSteps(before.old, before.comparison));
    const plan = planStaging(found, before.comparison, { volumes: run.volumes, policy: options.policy });
    assertStagingSpace(found, plan);
    await options.beforeStaging?.(found.scope);
    const restored = await run.stage(plan);
    const swap = isSound(restored) ? await run.swap() : undefined;
    const { moved, copies, notCopied } = swap?.end ?? { moved: [], copies: [], notCopied: [] };
    return {
      ...restored,
      notRestored: [...restored.notRestored, ...notCopied],
      swapped: swap !== undefined,
      ...countsOf(swap?.comparison ?? NOTHING),
      moved,
      copies,
      durationMs: Date.now() - startedAt,
    };
  } catch (error) {
    throw targetError(error, shown);
  } finally {
    run.close();
  }
}

/** A file that failed would be missing, and a database that fails its check be worse than the old one. */
function isSound({ failed, databases }: RestoreResult): boolean {
  return failed.length === 0 && databases.every(({ verdict }) => verdict !== 'failed');
}

function isMadeEverywhere({ entries }: Survey, path: BytePath): boolean {
  return !UNMADE.includes(entries.get(path)?.entry.kind ?? '');
}

const NOTHING: Comparison = { steps: [], entered: [], stayed: [], conflicts: [] };

function pathsOf({
  steps,
  stayed,
}: Comparison): Record<'replaced' | 'added' | 'removed' | 'stayed', string[]> {
  const shown = (chosen: Comparison['steps']): string[] => chosen.map(({ path }) => pathToText(path));
  return {
    replaced: shown(steps.filter((step) => step.old && step.new)),
    added: shown(steps.filter((step) => !step.old)),
    removed: shown(steps.filter((step) => !step.new)),
    stayed: stayed.map(pathToText),
  };
}

function countsOf(comparison: Comparison): Record<'replaced' | 'added' | 'removed' | 'stayed', number> {
  const { replaced, added, removed, stayed } = pathsOf(comparison);
  return { replaced: replaced.length, added: added.length, removed: removed.length, stayed: stayed.length };
}
