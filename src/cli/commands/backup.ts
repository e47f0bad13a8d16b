/** `nbak backup`: one backup. */

import { readFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { backup } from '../../backup/backup.js';
import { planBackup } from '../../backup/plan.js';
import { isComplete, type BackupOptions, type BackupResult } from '../../backup/result.js';
import type { Run } from '../declaration.js';
import { parseDuration, usage } from '../options.js';
import { ProgressLine } from '../progress-line.js';
import {
  coloured,
  count,
  formatAmount,
  formatBytes,
  formatDuration,
  formatTime,
  note,
  printable,
  printJson,
  printLine,
} from '../terminal.js';
import { programVersion } from '../version.js';

/** Options of `nbak backup`. */
export interface BackupFlags {
  readonly exclude?: readonly string[];
  readonly excludeFile?: readonly string[];
  readonly excludeCaches?: boolean;
  readonly oneFileSystem?: boolean;
  readonly tag?: readonly string[];
  readonly host?: string;
  readonly lockWait: string;
  readonly dryRun?: boolean;
}

/** `nbak backup` */
export const runBackup: Run<BackupFlags> = async ({ context, options: flags, args }) => {
  const progress = new ProgressLine(context.options.quiet === true || context.options.json === true);
  const options: BackupOptions = {
    selection: {
      sources: (args[0] ?? []) as readonly string[],
      exclude: [...readPatterns(flags.excludeFile ?? []), ...(flags.exclude ?? [])],
      excludeCaches: flags.excludeCaches === true,
      oneFileSystem: flags.oneFileSystem === true,
      skip: [context.repositoryPath, context.cacheDirectory],
    },
    labels: {
      host: flags.host ?? hostname(),
      tags: flags.tag ?? [],
      purpose: 'ordinary',
      writer: `nbak ${programVersion()}`,
    },
    stagingDirectory: tmpdir(),
    lockWaitMs: parseDuration(flags.lockWait, '--lock-wait'),
    threads: context.threads,
    signal: context.signal,
    onProgress: ({ phase, bytesDone, bytesTotal }) =>
      progress.update({ label: phase, done: bytesDone, total: bytesTotal }),
  };
  const unlocked = await context.unlock();
  const catalog = context.catalog(unlocked);
  if (flags.dryRun === true) {
    const plan = await planBackup(unlocked, catalog, options);
    if (context.options.json === true) printJson({ dryRun: true, ...plan });
    else {
      printLine(
        `would back up ${count(plan.filesTotal, 'file')} (${formatBytes(plan.bytesTotal)}), of which ` +
          `${count(plan.filesToRead, 'file')} (${formatBytes(plan.bytesToRead)}) would be read`,
      );
    }
    return 0;
  }
  const result = await backup(unlocked, catalog, options);
  progress.end();
  if (context.options.json === true) printJson({ ...result, time: formatTime(result.time) });
  else printResult(result, context.options.quiet === true);
  return isComplete(result) ? 0 : 3;
};

function readPatterns(files: readonly string[]): readonly string[] {
  return files.flatMap((file) => {
    try {
      return readFileSync(file, 'utf8')
        .replace(/^\uFEFF/, '')
        .split(/\r?\n/)
        .filter((line) => line.trim() !== '' && !line.startsWith('#'));
    } catch (error) {
      throw usage(
        `Cannot read the exclude file ${file}: ${(error as NodeJS.ErrnoException).code ?? 'error'}`,
      );
    }
  });
}

function printResult(result: BackupResult, quiet: boolean): void {
  // What was asked for goes to stdout, also quietly: scripts want the id.
  printLine(quiet ? result.id : `backup ${result.id}`);
  if (!quiet) {
    const { filesTotal, filesUnchanged, bytesRead, bytesAdded, durationMs, databases, cut } = result;
    const seen = databases === 0 ? 'no databases' : `${count(databases, 'database')}, cut ${cut}`;
    printLine(
      `${count(filesTotal, 'file')} (${formatAmount(filesUnchanged)} unchanged, ${seen}), ` +
        `${formatBytes(bytesRead)} read, ${formatBytes(bytesAdded)} added, ${formatDuration(durationMs)}`,
    );
  }
  const problems = [...result.unreadable, ...result.torn, ...result.damaged];
  for (const { path, code, message } of problems)
    note(`${coloured('yellow', code)} ${printable(path)}: ${printable(message)}`);
  if (cut(result)) note(`${coloured('yellow', 'cut none')}: the databases could not be seen at one moment`);
  if (!isComplete(result)) note('The backup is done and incomplete (exit code 3).');
}

function cut(result: BackupResult): boolean {
  return result.cut === 'none';
}
