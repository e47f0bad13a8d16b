/** `nbak restore`: a backup, or a part of it, into a directory or over one; or the end of a restore that was cut off. */

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { planRestore } from '../../restore/plan.js';
import type { RestoreOptions, RestoreSource } from '../../restore/result.js';
import { restore } from '../../restore/restore.js';
import { pathToText } from '../../format/path.js';
import { nextStepsOf } from '../../source/profiles/custom.js';
import { assertNoUnfinishedRestore } from '../../source/unfinished-restore.js';
import type { Invocation, Run } from '../declaration.js';
import { parseChoice, usage } from '../options.js';
import { assertOutsideRepository } from '../outside-repository.js';
import { ProgressLine } from '../progress-line.js';
import { count, formatBytes, note, printable, printJson, printLine } from '../terminal.js';
import type { RestoreFlags } from './restore-flags.js';
import { printNextSteps, printRestored, restoreExit } from './restore-output.js';
import { selectContent } from './select-backup.js';

/** Where a restore goes, and in which of the three ways. */
type Destination = { readonly way: 'target' | 'in-place' | 'resume'; readonly directory: string };

/** `nbak restore BACKUP [PATH…] --target DIR | --in-place DIR`, `nbak restore --resume DIR` */
export const runRestore: Run<RestoreFlags> = async (invocation) => {
  const { context, options: flags, args } = invocation;
  const { way, directory } = destinationOf(flags);
  assertFlags(flags, way);
  if (way === 'resume') {
    if (args[0] !== undefined) throw usage('--resume takes no BACKUP: the journal knows it');
    const { runResume } = await import('./restore-over.js');
    return runResume(context, directory, flags);
  }
  if (args[0] === undefined) throw usage('BACKUP is missing: an id, or latest');
  const option = way === 'in-place' ? '--in-place' : '--target';
  assertOutsideRepository(`${option} ${directory}`, directory, context.repositoryPath);
  const check = parseChoice(flags.check, ['full', 'none'], '--check');
  using progress = new ProgressLine(context.options.quiet === true || context.options.json === true);
  const { backup, reader } = await selectContent(context, String(args[0]), flags);
  if (backup.detail === undefined) throw new RangeError('a detail can be read with the vault key');
  const source: RestoreSource = { ...reader, backup, detail: backup.detail };
  const options: RestoreOptions = {
    target: directory,
    selection: {
      paths: (args[1] ?? []) as readonly string[],
      include: flags.include ?? [],
      exclude: flags.exclude ?? [],
    },
    check,
    threads: context.threads,
    signal: context.signal,
    onProgress: ({ bytesDone, bytesTotal }) =>
      progress.update({ label: 'restoring', done: bytesDone, total: bytesTotal }),
  };
  // Over nothing there is nothing to overwrite.
  if (way === 'in-place' || (flags.overwrite !== undefined && existsSync(directory))) {
    // It brings all of backups with it, for the safety backup.
    const { runRestoreOver } = await import('./restore-over.js');
    return await runRestoreOver({ context, source, options, flags, progress });
  }
  return await restoreAside(invocation, source, options, progress);
};

/** Into an absent or empty directory. */
async function restoreAside(
  { context, options: flags }: Invocation<RestoreFlags>,
  source: RestoreSource,
  options: RestoreOptions,
  progress: ProgressLine,
): Promise<number> {
  const { id } = source.backup;
  assertNoUnfinishedRestore(resolve(options.target));
  if (flags.dryRun === true) {
    const { entries, files, directories, bytes } = await planRestore(source, options);
    if (context.options.json === true) printJson({ dryRun: true, backup: id, files, directories, bytes });
    else {
      for (const { place } of entries) printLine(printable(pathToText(place) || '.'));
      note(`would restore ${count(files, 'file')} (${formatBytes(bytes)}) into ${printable(options.target)}`);
    }
    return 0;
  }
  const result = await restore(source, options);
  progress.end();
  if (context.options.json === true)
    printJson({
      backup: id,
      target: options.target,
      ...result,
      nextSteps: nextStepsOf(source.detail.profile),
    });
  else {
    printRestored(result, context.options.quiet === true);
    printNextSteps(nextStepsOf(source.detail.profile), context.options.quiet === true);
  }
  return restoreExit(result);
}

function destinationOf({ target, inPlace, resume }: RestoreFlags): Destination {
  const given: Destination[] = [];
  if (target !== undefined) given.push({ way: 'target', directory: target });
  if (inPlace !== undefined) given.push({ way: 'in-place', directory: inPlace });
  if (resume !== undefined) given.push({ way: 'resume', directory: resume });
  const [only, another] = given;
  if (another !== undefined) throw usage('Only one of --target, --in-place and --resume can be given');
  if (only === undefined || only.directory === '')
    throw usage('--target DIR or --in-place DIR is missing: where should the files go?');
  return only;
}

function assertFlags(flags: RestoreFlags, way: Destination['way']): void {
  if (flags.overwrite !== undefined && way !== 'target') throw usage('--overwrite goes with --target');
  if (flags.delete === true && flags.overwrite === undefined) throw usage('--delete goes with --overwrite');
  if (flags.root !== undefined && way !== 'in-place') throw usage('--root goes with --in-place');
  if (!flags.safetyBackup && way !== 'in-place') throw usage('--no-safety-backup goes with --in-place');
}
