/** `nbak bench`: what the stages of a backup cost on this machine. */

import { tmpdir } from 'node:os';
import { measureStages } from '../../measurement/measure-stages.js';
import type { MeasureResult, Stage } from '../../measurement/result.js';
import type { Run } from '../declaration.js';
import { parseSize } from '../options.js';
import { ProgressLine } from '../progress-line.js';
import { count, formatBytes, formatDuration, printJson, printLine } from '../terminal.js';

/** Options of `nbak bench`. */
export interface BenchFlags {
  readonly size: string;
}

const MEANING: Readonly<Record<Stage, string>> = {
  read: 'from files, as the disk or its cache gives them',
  cut: 'where chunks begin',
  hash: 'SHA-256 of what is new or known',
  zstd: 'compression, left out where a sample is noise',
  keys: 'a tag and a key for each blob',
  'aes-256-gcm': 'encryption',
  'sha-256': 'the name of each blob',
  write: 'to the disk, past its cache where that can be, and waiting for it',
  sync: 'waiting for the rest; not in the sum',
};

/** `nbak bench [SOURCE]` */
export const runBench: Run<BenchFlags> = async ({ context, options, args }) => {
  using progress = new ProgressLine(context.options.quiet === true || context.options.json === true);
  const result = await measureStages({
    source: args[0] as string | undefined,
    bytes: parseSize(options.size, '--size'),
    threads: context.threads,
    temporaryDirectory: tmpdir(),
    signal: context.signal,
    onProgress: ({ bytesDone, bytesTotal }) =>
      progress.update({ label: 'measuring', done: bytesDone, total: bytesTotal }),
  });
  progress.end();
  if (context.options.json === true) printJson(result);
  else printResult(result);
  return 0;
};

function printResult({
  bytes,
  files,
  bytesStored,
  stages,
  durationMs,
  threads,
  bytesPerSecond,
}: MeasureResult): void {
  printLine(`${formatBytes(bytes)} of ${count(files, 'file')}, ${formatBytes(bytesStored)} sealed\n`);
  printLine('stage             rate        time');
  for (const { stage, bytesPerSecond: speed, durationMs: time } of stages) {
    // What is still under way at the end is not what went in.
    const rate = (stage === 'sync' ? '' : `${formatBytes(speed)}/s`).padStart(12);
    printLine(`${stage.padEnd(11)}${rate}${formatDuration(time).padStart(11)}   ${MEANING[stage]}`);
  }
  printLine(`\none after the other ${formatDuration(durationMs)}`);
  printLine(`a first backup with ${count(threads, 'thread')}: ${formatBytes(bytesPerSecond)}/s at best`);
}
