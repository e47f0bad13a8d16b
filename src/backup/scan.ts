/** The first walk: how much there is, and which files are databases. */

import { NbakError } from '../errors.js';
import type { SourceEntry } from '../source/entry.js';
import { sniffDatabase } from '../source/sqlite/header.js';
import type { FoundDatabase } from './databases.js';
import type { BackupOptions } from './result.js';
import type { BackupScope } from './scope.js';

/** What the first walk found. */
export interface ScanResult {
  readonly files: number;
  readonly directories: number;
  /** Bytes of all files. */
  readonly bytes: number;
  readonly databases: readonly FoundDatabase[];
}

/** SQLite's pages are powers of two from 512 bytes on, and a database is whole pages. */
const LEAST_PAGE_BYTES = 512;
/** One that was cut off is not, and must be said to be damaged; opening every file to find it would cost too much. */
const USUAL_NAME = /\.(db|db3|sqlite|sqlite3)$/i;

/** Walks all roots once. Problems are left to the second walk, which meets them again. */
export function scan(scope: BackupScope, options: Pick<BackupOptions, 'signal'>): ScanResult {
  let files = 0;
  let directories = 0;
  let bytes = 0;
  const databases: FoundDatabase[] = [];
  const seen = new Set<string>();
  for (const root of scope.roots) {
    for (const entry of scope.walk(root, () => undefined)) {
      if (options.signal?.aborted === true) throw interrupted();
      if (entry.kind === 'directory') directories += 1;
      if (entry.kind !== 'file') continue;
      files += 1;
      bytes += entry.size;
      const inode = `${entry.device}:${entry.inode}`;
      if (seen.has(inode)) continue;
      const absolute = scope.absolute(root, entry.path);
      if (looksLikeDatabase(entry, absolute)) {
        // A database with several names is captured under the first: SQLite's sidecars belong to a name.
        seen.add(inode);
        databases.push({ root, path: entry.path, absolute });
      }
    }
  }
  return { files, directories, bytes, databases };
}

/** Says whether a file is a database by its size and its header. */
export function looksLikeDatabase({ size, path: name }: SourceEntry, path: Buffer): boolean {
  const isWhole = size % LEAST_PAGE_BYTES === 0 || USUAL_NAME.test(name);
  if (size < LEAST_PAGE_BYTES || !isWhole) return false;
  try {
    return sniffDatabase(path) !== undefined;
  } catch {
    // Unreadable: the second walk says so.
    return false;
  }
}

/** The error of an aborted operation. */
export function interrupted(): NbakError {
  return new NbakError('INTERRUPTED', 'Interrupted: the repository is what it was before', {
    hint: 'Run it again; what was stored already is not stored twice.',
  });
}
