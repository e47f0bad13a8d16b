/** `nbak restore --in-place`, `--overwrite` and `--resume`: restores over a directory. */

import type { BackupId } from '../../format/ids.js';
import type { Scope } from '../../format/manifest.js';
import type { SwapPolicy } from '../../restore/in-place/compare.js';
import { declarationsOf } from '../../repository/app-keys.js';
import { planRestoreOver, restoreOver } from '../../restore/in-place/restore-over.js';
import { resumeRestore } from '../../restore/in-place/resume.js';
import type {
  RestoreOverOptions,
  RestoreOverPlan,
  RestoreOverResult,
} from '../../restore/in-place/result.js';
import type { RestoreOptions, RestoreSource } from '../../restore/result.js';
import { nextStepsOf } from '../../source/profiles/custom.js';
import { applyProfiles } from '../../source/profiles/apply.js';
import { processEnvironment } from '../../source/profiles/environment.js';
import type { Context } from '../context.js';
import { parseChoice, usage } from '../options.js';
import type { ProgressLine } from '../progress-line.js';
import { makeSafetyBackup } from '../safety-backup.js';
import { coloured, count, formatBytes, note, printable, printJson, printLine } from '../terminal.js';
import type { RestoreFlags } from './restore-flags.js';
import { printNextSteps, printNotRestored, printRestored, restoreExit } from './restore-output.js';

/** A restore over a directory, as the command line gives it. */
interface Over {
  readonly context: Context;
  readonly source: RestoreSource;
  readonly options: RestoreOptions;
  readonly flags: RestoreFlags;
  readonly progress: ProgressLine;
}

/** Restores over a directory, after a safety backup where that is in place. */
export async function runRestoreOver(over: Over): Promise<number> {
  const { context, source, options, flags } = over;
  const { json = false, quiet = false } = context.options;
  const policy = policyOf(flags, source);
  let safetyBackup: BackupId | null = null;
  const how: RestoreOverOptions = {
    restore: options,
    policy,
    root: flags.root,
    keep: [context.repositoryPath, context.cacheDirectory],
    ifRunning: flags.evenIfRunning === true ? 'ignore' : 'refuse',
    ...(policy.way === 'in-place' &&
      flags.safetyBackup && {
        beforeStaging: async (scope) => {
          safetyBackup = await backUpFirst(over, scope);
        },
      }),
  };
  const { id } = source.backup;
  if (flags.dryRun === true) {
    const plan = await planRestoreOver(source, how);
    if (json) printJson({ dryRun: true, backup: id, ...plan });
    else printPlan(plan, options.target);
    return 0;
  }
  const result = await restoreOver(source, how);
  over.progress.end();
  const safety = policy.way === 'in-place' ? { safetyBackup } : {};
  const nextSteps = result.swapped ? nextStepsOf(source.detail.profile) : [];
  if (json) printJson({ backup: id, target: options.target, ...result, ...safety, nextSteps });
  else {
    printResult(result, options.target, quiet);
    printNextSteps(nextSteps, quiet);
  }
  return restoreExit(result);
}

/** Finishes what a crash left. */
export async function runResume(context: Context, target: string, flags: RestoreFlags): Promise<number> {
  const ifRunning = flags.evenIfRunning === true ? 'ignore' : 'refuse';
  const result = await resumeRestore({ target, ifRunning });
  if (context.options.json === true) printJson({ target, ...result });
  else if (context.options.quiet !== true) {
    printLine(`${printable(target)}: ${OUTCOMES[result.outcome]}`);
    printKept(result);
    printNotRestored(result.notRestored);
    printNextSteps(result.nextSteps, false);
  }
  return 0;
}

const OUTCOMES = {
  finished: 'the restore is finished',
  discarded: 'nothing had to be finished; what was left over is removed',
  nothing: 'there is nothing to finish',
} as const;

function policyOf(flags: RestoreFlags, { detail }: RestoreSource): SwapPolicy {
  if (flags.overwrite === undefined) return { way: 'in-place' };
  const files = parseChoice(flags.overwrite, ['always', 'if-changed', 'never'], '--overwrite');
  if (flags.delete === true && detail.roots.length > 1)
    throw usage('--delete needs a backup of one root: the rules of several do not fit one directory');
  return { way: 'overwrite', files, extras: flags.delete === true ? 'delete' : 'keep' };
}

/** Backs up what is about to be replaced, under the rules of the backup that replaces it. */
async function backUpFirst({ context, source, options, progress }: Over, scope: Scope): Promise<BackupId> {
  const { sources } = applyProfiles({
    sources: [options.target],
    profile: 'auto',
    includeSecrets: true,
    vaultKey: undefined,
    environment: processEnvironment(),
  });
  return makeSafetyBackup(
    { context, progress, signal: options.signal },
    {
      selection: {
        // What is left out is said by the backup that comes in its place.
        sources: sources.slice(0, 1).map((each) => ({
          ...each,
          exclude: [],
          // The profile may have been a file that is not given here.
          appKeys: each.appKeys.length > 0 ? each.appKeys : declarationsOf(source.detail),
        })),
        ...scope,
        skip: [context.repositoryPath, context.cacheDirectory],
      },
      profile: source.detail.profile,
      tags: [],
    },
  );
}

function printPlan(plan: RestoreOverPlan, target: string): void {
  for (const path of plan.replaced) printLine(`replace ${printable(path)}`);
  for (const path of plan.added) printLine(`add ${printable(path)}`);
  for (const path of plan.removed) printLine(`take away ${printable(path)}`);
  note(`would restore ${count(plan.files, 'file')} (${formatBytes(plan.bytes)}) over ${printable(target)}`);
}

function printResult(result: RestoreOverResult, target: string, quiet: boolean): void {
  printRestored(result, quiet);
  if (!result.swapped) {
    note(`${coloured('red', 'not swapped')}: ${printable(target)} is what it was`);
    return;
  }
  if (quiet) return;
  const { replaced, added, removed, stayed } = result;
  printLine(`${replaced} replaced, ${added} added, ${removed} taken away, ${stayed} left alone`);
  printKept(result);
}

function printKept({ moved, copies }: Pick<RestoreOverResult, 'moved' | 'copies'>): void {
  for (const directory of moved) printLine(`what was there is in ${printable(directory)}`);
  for (const path of copies) printLine(`a copy of what was there is ${printable(path)}`);
}
