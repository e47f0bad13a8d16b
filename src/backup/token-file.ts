/** What a file with tokens held when it was stored: read beside the sealing threads, and compared with what they read. */

import { isNbakError } from '../errors.js';
import type { Timestamp } from '../format/entry.js';
import type { BytePath } from '../format/path.js';
import { openSourceFile } from '../source/read-file.js';
import { sourcePath } from '../source/root.js';
import { MOST_TOKEN_FILE_BYTES } from '../source/tokens/file-tokens.js';
import type { BackupRoot } from './scope.js';

/** The content of a file. */
export interface TokenFile {
  readonly size: number;
  readonly mtime: Timestamp;
  readonly ctime: Timestamp;
  readonly bytes: Uint8Array;
}

/**
 * Reads a file.
 *
 * @param stored - what was stored of it; undefined where the last backup's content was taken over.
 * @returns undefined where it is not, or not any more, what was stored: nothing can be said of its tokens then.
 */
export function readTokenFile(
  { source }: BackupRoot,
  path: BytePath,
  stored?: Omit<TokenFile, 'bytes'>,
): TokenFile | undefined {
  try {
    using file = openSourceFile(sourcePath(source, path));
    if (file === undefined || file.size > MOST_TOKEN_FILE_BYTES) return undefined;
    const { size, mtime, ctime } = file;
    const buffer = new Uint8Array(size + 1);
    const bytes = buffer.subarray(0, file.readInto(buffer));
    if (file.hasChanged()) return undefined;
    const isStored = stored === undefined || isSame(stored, { size, mtime, ctime });
    return isStored ? { size, mtime, ctime, bytes } : undefined;
  } catch (error) {
    if (isNbakError(error, 'SOURCE_UNREADABLE')) return undefined;
    throw error;
  }
}

function isSame(a: Omit<TokenFile, 'bytes'>, b: Omit<TokenFile, 'bytes'>): boolean {
  const factsOf = ({ size, mtime, ctime }: Omit<TokenFile, 'bytes'>): string =>
    JSON.stringify([size, mtime.seconds, mtime.nanoseconds, ctime.seconds, ctime.nanoseconds]);
  return factsOf(a) === factsOf(b);
}
