/** Finding databases among the files of a walk, cheaply. */

import type { BytePath } from '../../format/path.js';
import type { SeenEntry } from '../entry.js';
import { sniffDatabase } from './header.js';

/** SQLite's pages are powers of two from 512 bytes on, and a database is whole pages. */
const LEAST_PAGE_BYTES = 512;
/** One that was cut off is not, and must be said to be damaged; opening every file to find it would cost too much. */
const USUAL_NAME = /\.(db|db3|sqlite|sqlite3)$/i;

/** Says whether a path is called as most databases are. */
export function hasUsualName(path: BytePath): boolean {
  return USUAL_NAME.test(path);
}

/** Says whether a file could be a database, by its size and name. */
export function mayBeDatabase({ size, path }: SeenEntry): boolean {
  return size >= LEAST_PAGE_BYTES && (size % LEAST_PAGE_BYTES === 0 || hasUsualName(path));
}

/** Says whether a file that could be a database is one, by its header. */
export function isDatabase(path: Buffer): boolean {
  try {
    return sniffDatabase(path) !== undefined;
  } catch {
    // Unreadable: whoever reads it says so.
    return false;
  }
}

/** Says whether a file is a database by its size and its header. */
export function looksLikeDatabase(entry: SeenEntry, path: Buffer): boolean {
  return mayBeDatabase(entry) && isDatabase(path);
}
