/** Measures each stage of a backup alone, on the same bytes, with the code that backups run. */

import { setImmediate } from 'node:timers/promises';
import { isNbakError, NbakError } from '../errors.js';
import { createPrivateDirectory, removePrivateDirectory } from '../source/sqlite/private-directory.js';
import { Pipeline } from './pipeline.js';
import type { MeasureOptions, MeasureResult, Stage, StageTime } from './result.js';
import { findFiles, writeSample, type MaterialFile } from './sample.js';
import { readSegments } from './segments.js';
import { rate } from './stopwatch.js';

/**
 * Passes bytes through the stages of a backup one by one: a segment of 16 MiB through all of `read`, then through all
 * of `cut`, and so on, on one thread. Writes to a private directory that is removed at the end.
 *
 * @throws NbakError `SOURCE_NOT_FOUND` when there are no bytes, `SOURCE_UNREADABLE`, `SPACE_INSUFFICIENT`,
 *   `TARGET_FAILED`, `INTERRUPTED`.
 */
export async function measureStages(options: MeasureOptions): Promise<MeasureResult> {
  const { source, bytes, temporaryDirectory, signal } = options;
  const breathe = async (): Promise<void> => {
    await setImmediate();
    if (signal?.aborted === true) throw new NbakError('INTERRUPTED', 'Interrupted: nothing was left behind');
  };
  const directory = createPrivateDirectory(temporaryDirectory);
  try {
    const files =
      source === undefined ? await writeSample(directory, bytes, breathe) : findFiles(source, bytes);
    await using pipeline = await Pipeline.create(directory);
    return await passFiles(pipeline, { files, options, breathe });
  } catch (error) {
    const isOfSystem = (error as NodeJS.ErrnoException).syscall !== undefined;
    throw isOfSystem && !isNbakError(error) ? cannotWrite(temporaryDirectory, error) : error;
  } finally {
    removePrivateDirectory(directory);
  }
}

async function passFiles(
  pipeline: Pipeline,
  run: {
    readonly files: readonly MaterialFile[];
    readonly options: MeasureOptions;
    readonly breathe: () => Promise<void>;
  },
): Promise<MeasureResult> {
  const { files, options, breathe } = run;
  const bytesTotal = files.reduce((sum, { size }) => sum + size, 0);
  let bytes = 0;
  for (const segment of readSegments(files, pipeline.stopwatch)) {
    // The first segment goes through once more beforehand, so that no stage pays for being compiled.
    if (bytes === 0) pipeline.warmUp(segment);
    await pipeline.pass(segment);
    bytes += segment.bytes.length;
    options.onProgress?.({ bytesDone: bytes, bytesTotal });
    await breathe();
  }
  if (bytes === 0) throw noBytes(options.source);
  await pipeline.finish();
  const stages = pipeline.stopwatch.stages();
  const durationMs = stages
    // What is still under way at the end.
    .filter(({ stage }) => stage !== 'sync')
    .reduce((sum, stage) => sum + stage.durationMs, 0);
  return {
    bytes,
    files: files.length,
    chunks: pipeline.chunks,
    bytesStored: pipeline.bytesStored,
    threads: options.threads,
    stages,
    durationMs,
    bytesPerSecond: rate(bytes, Math.max(durationMs / options.threads, timeOf('write', stages))),
  };
}

function timeOf(stage: Stage, stages: readonly StageTime[]): number {
  return stages.find((each) => each.stage === stage)?.durationMs ?? 0;
}

function noBytes(source = 'the sample'): NbakError {
  return new NbakError('SOURCE_NOT_FOUND', `There are no bytes to measure with in ${source}`, {
    details: { path: source },
    hint: 'Name a directory with files that you may read.',
  });
}

function cannotWrite(directory: string, cause: unknown): NbakError {
  const { code = 'unknown' } = cause as NodeJS.ErrnoException;
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  return new NbakError(
    isFull ? 'SPACE_INSUFFICIENT' : 'TARGET_FAILED',
    `Temporary files cannot be written to ${directory}: ${code}`,
    {
      details: { path: directory, reason: code },
      hint: 'Measure with less (--size), or name another place for temporary files (TMPDIR).',
      cause,
    },
  );
}
