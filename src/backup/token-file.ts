/** What a file with tokens held when it was stored: read beside the sealing threads, and compared with what they read. */

import { isNbakError } from '../errors.js';
import type { BytePath } from '../format/path.js';
import { openSourceFile, type SourceFile } from '../source/read-file.js';
import { sourcePath } from '../source/root.js';
import { MOST_TOKEN_FILE_BYTES } from '../source/tokens/file-tokens.js';
import type { Content } from './content.js';
import type { BackupRoot } from './scope.js';

/** What is known of the content that was stored. */
export type StoredFacts = Pick<Content, 'size' | 'mtime' | 'ctime'>;

/**
 * Reads a file.
 *
 * @param isStored - says whether the open file is what was stored.
 * @returns undefined where it is not, or not any more: nothing can be said of its tokens then.
 */
export function readTokenFile(
  { source }: BackupRoot,
  path: BytePath,
  isStored: (file: SourceFile) => boolean,
): Uint8Array | undefined {
  try {
    using file = openSourceFile(sourcePath(source, path));
    if (file === undefined || file.size > MOST_TOKEN_FILE_BYTES || !isStored(file)) return undefined;
    const buffer = new Uint8Array(file.size + 1);
    const bytes = buffer.subarray(0, file.readInto(buffer));
    return file.hasChanged() ? undefined : bytes;
  } catch (error) {
    if (isNbakError(error, 'SOURCE_UNREADABLE')) return undefined;
    throw error;
  }
}

/** Says whether two files have the same size and times, to the nanosecond. */
export function hasFactsOf(stored: StoredFacts, file: StoredFacts): boolean {
  const factsOf = ({ size, mtime, ctime }: StoredFacts): string =>
    JSON.stringify([size, mtime.seconds, mtime.nanoseconds, ctime.seconds, ctime.nanoseconds]);
  return factsOf(stored) === factsOf(file);
}
