/** What exports to other programs' formats have in common (§33). */

import { existsSync, linkSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { NbakError } from '../errors.js';
import { pathFromText, type BytePath } from '../format/path.js';
import { readContiguously } from '../repository/contiguous.js';
import type { FileTime } from '../restore/attributes.js';
import type { PlannedEntry, RestoreSource } from '../restore/result.js';
import { readPlan } from '../restore/plan.js';
import { makeDirectories } from '../source/make-directories.js';
import { syncDirectory } from '../source/sync-directory.js';
import { assertWanted } from './interruption.js';
import { StagedDirectory } from './staged-directory.js';

/** A backup that is exported, and where to. */
export interface ExportTask {
  readonly source: RestoreSource;
  /** A directory; made where it is not there. */
  readonly destination: string;
  readonly signal?: AbortSignal;
}

/** What was written. */
export interface ExportResult {
  /** Of the file or directory that was made. */
  readonly path: string;
  readonly files: number;
  /** Bytes of the backup's files that were exported. */
  readonly bytes: number;
  /** What the format cannot hold. */
  readonly left: readonly string[];
  /** Secrets that were not to leave. */
  readonly withheld: readonly string[];
}

/** Every entry of a backup, with the place that a restore would give it. */
export async function entriesOf({ source }: ExportTask): Promise<readonly PlannedEntry[]> {
  const { entries } = await readPlan(source, { paths: [], include: [], exclude: [] });
  return entries;
}

/** The bytes of a file of the backup. */
export async function* contentOf(
  { source, signal }: ExportTask,
  file: PlannedEntry,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const bytes of readContiguously(file, source.blobs, source.keys)) {
    assertWanted(signal);
    yield bytes;
  }
}

/** A small file as a whole. */
export async function readWhole(task: ExportTask, file: PlannedEntry): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const bytes of contentOf(task, file)) parts.push(Uint8Array.from(bytes));
  return Buffer.concat(parts);
}

/**
 * Writes one file of mode 0600 to the destination, whole or not at all, and over nothing.
 *
 * @returns its path.
 * @throws NbakError `TARGET_FAILED` where it exists; what `chunks` throws.
 */
export async function writeExport(
  { destination }: ExportTask,
  file: { readonly name: string; readonly mtime: FileTime },
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<string> {
  const directory = prepareDestination(destination);
  const path = join(directory, file.name);
  assertFree(path);
  const staged = StagedDirectory.beside(path);
  try {
    const name = pathFromText(file.name);
    using writing = staged.create(name, 0o600);
    for await (const bytes of chunks) writing.append(bytes);
    writing.finish(file.mtime);
    staged.sync();
    giveName(staged.place(name), path);
    syncDirectory(Buffer.from(realpathSync(directory)));
    return path;
  } finally {
    rmSync(staged.path, { recursive: true, force: true });
  }
}

/** The destination's absolute path; it is made, 0700, where it is not there. */
export function prepareDestination(destination: string): string {
  const path = resolve(destination);
  try {
    makeDirectories(path, 0o700);
    return path;
  } catch (cause) {
    const { code = 'error' } = cause as NodeJS.ErrnoException;
    throw new NbakError('TARGET_FAILED', `Cannot make the directory ${path}: ${code}`, {
      details: { path, code },
      cause,
    });
  }
}

/** Name of an entry's place, and whether it can be one in a format whose names are text. */
export function textOf(place: BytePath): { readonly text: string; readonly isText: boolean } {
  const text = Buffer.from(place, 'latin1').toString('utf8');
  return { text, isText: pathFromText(text) === place };
}

/** By a link, which takes no name that somebody else gave a file meanwhile. */
function giveName(staged: Buffer, path: string): void {
  try {
    linkSync(staged, path);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw taken(path);
    // FAT, and some network and FUSE file systems, have no hard links.
    assertFree(path);
    renameSync(staged, path);
  }
}

function assertFree(path: string): void {
  if (existsSync(path)) throw taken(path);
}

function taken(path: string): NbakError {
  return new NbakError('TARGET_FAILED', `${path} exists, and an export is never written over a file`, {
    details: { path },
    hint: `Move ${basename(path)} away, or export to another directory.`,
  });
}
