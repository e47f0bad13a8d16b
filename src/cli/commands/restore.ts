/** `nbak restore`: a backup, or a part of it, into a new or empty directory. */

import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { planRestore } from '../../restore/plan.js';
import type { RestoreOptions, RestoreResult, RestoreSource } from '../../restore/result.js';
import { restore } from '../../restore/restore.js';
import { pathToText } from '../../format/path.js';
import { verdictExit } from '../../verify/result.js';
import type { Run } from '../declaration.js';
import type { FilterOptions } from '../describe.js';
import { parseChoice, usage } from '../options.js';
import { ProgressLine } from '../progress-line.js';
import {
  coloured,
  count,
  formatBytes,
  formatDuration,
  note,
  printable,
  printJson,
  printLine,
} from '../terminal.js';
import { selectContent } from './select-backup.js';

/** Options of `nbak restore`. */
export interface RestoreFlags extends FilterOptions {
  readonly target?: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly check: string;
  readonly dryRun?: boolean;
}

/** `nbak restore BACKUP --target DIR [PATH…]` */
export const runRestore: Run<RestoreFlags> = async ({ context, options: flags, args }) => {
  if (flags.target === undefined || flags.target === '') {
    throw usage('--target DIR is missing: where should the files go?');
  }
  assertOutside(flags.target, context.repositoryPath);
  const check = parseChoice(flags.check, ['full', 'none'], '--check');
  const progress = new ProgressLine(context.options.quiet === true || context.options.json === true);
  const { backup, reader } = await selectContent(context, String(args[0]), flags);
  if (backup.detail === undefined) throw new RangeError('a detail can be read with the vault key');
  const source: RestoreSource = { ...reader, backup, detail: backup.detail };
  const options: RestoreOptions = {
    target: flags.target,
    selection: {
      paths: (args[1] ?? []) as readonly string[],
      include: flags.include ?? [],
      exclude: flags.exclude ?? [],
    },
    check,
    concurrency: context.threads,
    signal: context.signal,
    onProgress: ({ bytesDone, bytesTotal }) =>
      progress.update({ label: 'restoring', done: bytesDone, total: bytesTotal }),
  };
  if (flags.dryRun === true) {
    const plan = await planRestore(source, options);
    const { files, directories, bytes } = plan;
    if (context.options.json === true)
      printJson({ dryRun: true, backup: backup.id, files, directories, bytes });
    else {
      for (const { place } of plan.entries) printLine(printable(pathToText(place) || '.'));
      note(`would restore ${count(files, 'file')} (${formatBytes(bytes)}) into ${options.target}`);
    }
    return 0;
  }
  const result = await restore(source, options);
  progress.end();
  if (context.options.json === true) printJson({ backup: backup.id, target: options.target, ...result });
  else printResult(result, context.options.quiet === true);
  return exitOf(result);
};

/** Files that failed decide; then a database that was sound and is not. */
function exitOf({ failed, databases }: RestoreResult): number {
  const checks = databases
    .filter(({ verdict }) => verdict === 'failed')
    .map(() => ({ code: 'DATABASE_CHECK_FAILED' as const }));
  return verdictExit([...failed, ...checks]);
}

function printResult(result: RestoreResult, quiet: boolean): void {
  const { files, directories, links, bytes, durationMs, databases, failed, notRestored } = result;
  if (!quiet) {
    printLine(
      `restored ${count(files, 'file')} (${formatBytes(bytes)}), ${count(directories, 'directory')}, ${count(links, 'link')} in ${formatDuration(durationMs)}`,
    );
  }
  for (const { path, verdict, message } of databases) {
    if (!quiet || verdict === 'failed') {
      printLine(
        `database ${printable(path)}: ${verdict}${verdict === 'ok' || message === '' ? '' : ` (${printable(message)})`}`,
      );
    }
  }
  for (const { path, code, message } of failed)
    note(`${coloured('red', code)} ${printable(path)}: ${printable(message)}`);
  if (!quiet) for (const text of notRestored) note(`not restored: ${printable(text)}`);
}

/** Files restored into the repository would be foreign objects in it, and `verify` would call them tampering. */
function assertOutside(target: string, repository: string): void {
  const real = realPathOf(resolve(target));
  const home = realPathOf(repository);
  if (real === home || real.startsWith(`${home}/`)) throw usage(`--target ${target} lies in the repository`);
}

/** The real path of the nearest directory that exists, with the rest behind it. */
function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path === dirname(path) ? path : join(realPathOf(dirname(path)), basename(path));
  }
}
