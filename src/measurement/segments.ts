/** Reads files into one buffer, segment after segment, as fast as plain calls can. */

import { closeSync, constants, openSync, readSync } from 'node:fs';
import type { MaterialFile } from './sample.js';
import type { Stopwatch } from './stopwatch.js';

/** One file, or the part of a large one, in a segment's bytes. */
export interface Part {
  readonly file: MaterialFile;
  readonly offset: number;
  readonly length: number;
}

/** Bytes that pass the stages together; valid until the next one is read. */
export interface Segment {
  readonly bytes: Uint8Array;
  readonly parts: readonly Part[];
}

/** As a pack: large enough to drive the caches empty between stages, as the pipeline does. */
export const SEGMENT_BYTES = 16 * 1024 * 1024;
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Yields all bytes of `files`; a file that cannot be opened is left out. */
export function* readSegments(
  files: readonly MaterialFile[],
  stopwatch: Stopwatch,
): Generator<Segment, void, void> {
  // One buffer for all: fresh memory would cost more than reading.
  const buffer = new Uint8Array(SEGMENT_BYTES);
  let next = 0;
  let done = 0;
  while (next < files.length) {
    const parts: Part[] = [];
    let filled = 0;
    const startedAt = performance.now();
    while (next < files.length && filled < SEGMENT_BYTES) {
      const file = files[next] as MaterialFile;
      const wanted = Math.min(file.size - done, SEGMENT_BYTES - filled);
      const length = readPart(file, done, buffer.subarray(filled, filled + wanted));
      if (length > 0) parts.push({ file, offset: filled, length });
      filled += length;
      done += length;
      // Less than was asked for: it is gone or shorter by now.
      if (length < wanted || done === file.size) {
        next += 1;
        done = 0;
      }
    }
    stopwatch.add('read', filled, performance.now() - startedAt);
    if (filled > 0) yield { bytes: buffer.subarray(0, filled), parts };
  }
}

function readPart({ path }: MaterialFile, position: number, target: Uint8Array): number {
  let descriptor: number;
  try {
    descriptor = openSync(path, FLAGS);
  } catch {
    return 0;
  }
  try {
    return readSync(descriptor, target, 0, target.length, position);
  } catch {
    return 0;
  } finally {
    closeSync(descriptor);
  }
}
