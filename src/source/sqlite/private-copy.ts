/** In the parent: a copy of a database that may not be opened in place, merged and rolled back without SQLite. */
import { closeSync, fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { setImmediate as breathe } from 'node:timers/promises';
import { openForReading, sidecarPath } from './header.js';
import type { FilePath } from './header.js';
import { playBackJournal } from './rollback-journal.js';
import { requireSpace, sizeWithLog } from './space.js';
import { settledStillness, stillness } from './stillness.js';
import { mergeWal } from './wal.js';

/** Small enough for the processor's cache: larger steps take twice the time. */
const STEP_BYTES = 64 * 1024;
/** After so much, others in this process get their turn. */
const BREATH_BYTES = 4 * 1024 * 1024;

/** Where a copy goes. */
export interface CopyTarget {
  /** An empty or old file without a name; its content is replaced. */
  readonly descriptor: number;
  /** A directory on its filesystem, to ask for free space. */
  readonly directory: string;
  readonly signal?: AbortSignal;
}

/**
 * Copies a database with what its `-journal` and `-wal` say into `target`, leaving the state its next opener would
 * see. A hot journal is rolled back and a log is merged into the copy; the source is only read.
 *
 * @returns what the source looked like, to prove later that it still does; undefined when it did not hold still.
 * @throws NbakError `SPACE_INSUFFICIENT`; an Error with `code` when a file cannot be read.
 */
export async function copyAtRest(path: FilePath, target: CopyTarget): Promise<string | undefined> {
  const before = settledStillness(path);
  ftruncateSync(target.descriptor, 0);
  requireSpace(target.directory, sizeWithLog(path));
  await withFile(Buffer.from(path), (source) => copyBytes(source, target));
  // SQLite's own order: a hot journal first, and only then is the log looked at.
  await withFile(
    sidecarPath(path, '-journal'),
    (journal) => playBackJournal(journal, target.descriptor),
    true,
  );
  await withFile(sidecarPath(path, '-wal'), (wal) => mergeWal(wal, target.descriptor), true);
  return stillness(path) === before ? before : undefined;
}

/** Copies an open file from its beginning to its end. */
export async function copyBytes(source: number, target: CopyTarget): Promise<void> {
  const buffer = Buffer.allocUnsafe(STEP_BYTES);
  for (let offset = 0; ;) {
    const count = readSync(source, buffer, 0, buffer.length, offset);
    if (count === 0) return;
    for (let written = 0; written < count;) {
      written += writeSync(target.descriptor, buffer, written, count - written, offset + written);
    }
    offset += count;
    if (offset % BREATH_BYTES < count) {
      await breathe();
      target.signal?.throwIfAborted();
    }
  }
}

async function withFile(
  file: Buffer,
  use: (descriptor: number) => unknown,
  mayBeAbsent = false,
): Promise<void> {
  let descriptor: number;
  try {
    descriptor = openForReading(file);
  } catch (error) {
    if (mayBeAbsent && (error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    if (fstatSync(descriptor).isFile()) await use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
