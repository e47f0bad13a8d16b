/** The data of plain files: read, cut as §7 says, and stored. */

import { cutLength, CUT } from '../chunking/gear.js';
import { BUNDLED_FILE_BYTES, WHOLE_FILE_BYTES } from '../chunking/sizes.js';
import { BLOB_KINDS } from '../format/blob.js';
import { concatBytes } from '../format/bytes.js';
import { openSourceFile, type SourceFile } from '../source/read-file.js';
import type { StoredChunk } from './chunk-store.js';
import type { SmallFileBytes } from './bundler.js';
import type { Session } from './session.js';

/** What reading a file gave: its chunks, still on their way, and whether it held still. */
export interface StoredFile {
  readonly size: number;
  readonly chunks: readonly Promise<StoredChunk>[];
  readonly torn: boolean;
}

/** How often a file that changes while it is read is read again. */
const MOST_READS = 3;
const READ_BYTES = 1024 * 1024;

/** Says whether a file of this many bytes goes into a bundle (§7.4). */
export function isBundled(size: number): boolean {
  return size > 0 && size <= BUNDLED_FILE_BYTES;
}

/**
 * Reads a small file whole.
 *
 * @returns undefined when it is gone or no plain file any more.
 * @throws NbakError `SOURCE_UNREADABLE`.
 */
export function readSmallFile(path: Buffer): SmallFileBytes | undefined {
  for (let read = 1; ; read += 1) {
    using file = openSourceFile(path);
    if (file === undefined) return undefined;
    const parts: Uint8Array[] = [];
    let size = 0;
    for (const part of file.chunks(BUNDLED_FILE_BYTES + 1)) {
      parts.push(part);
      size += part.length;
      // It grew while we looked; what fits in a bundle is stored, and said to be torn.
      if (size > WHOLE_FILE_BYTES) break;
    }
    const torn = file.hasChanged();
    if (!torn || read === MOST_READS)
      return { bytes: parts.length === 1 && parts[0] ? parts[0] : concatBytes(...parts), torn };
  }
}

/**
 * Reads a file of any size and stores its chunks.
 *
 * @param onBytes - told of bytes as they are read.
 * @returns undefined when it is gone or no plain file any more.
 * @throws NbakError `SOURCE_UNREADABLE` or what storing throws.
 */
export async function storeFile(
  session: Session,
  path: Buffer,
  onBytes: (bytes: number) => void,
): Promise<StoredFile | undefined> {
  for (let read = 1; ; read += 1) {
    using file = openSourceFile(path);
    if (file === undefined) return undefined;
    const stored =
      file.size <= WHOLE_FILE_BYTES
        ? await storeWhole(session, file)
        : await storeCut(session, file, onBytes);
    if (file.size <= WHOLE_FILE_BYTES) onBytes(stored.size);
    const torn = file.hasChanged();
    if (!torn || read === MOST_READS) return { ...stored, torn };
  }
}

async function storeWhole(session: Session, file: SourceFile): Promise<Omit<StoredFile, 'torn'>> {
  const parts = [...file.chunks(WHOLE_FILE_BYTES)];
  const bytes = parts.length === 1 && parts[0] ? parts[0] : concatBytes(...parts);
  if (bytes.length === 0) return { size: 0, chunks: [] };
  // A file that grew beyond one chunk since its stat is stored in several; hasChanged() will say so.
  const chunks: Promise<StoredChunk>[] = [];
  for (let start = 0; start < bytes.length; start += CUT.maximum) {
    chunks.push(addChunk(session, bytes.subarray(start, start + CUT.maximum)));
  }
  await session.chunks.ready();
  return { size: bytes.length, chunks };
}

/** §7.3, over a window of two maximal chunks: what moves to its front is never more than what was cut. */
async function storeCut(
  session: Session,
  file: SourceFile,
  onBytes: (bytes: number) => void,
): Promise<Omit<StoredFile, 'torn'>> {
  const window = new Uint8Array(2 * CUT.maximum);
  const chunks: Promise<StoredChunk>[] = [];
  let filled = 0;
  let size = 0;
  const cut = async (isEnd: boolean): Promise<void> => {
    let start = 0;
    while (filled - start >= (isEnd ? 1 : CUT.maximum)) {
      const length = cutLength(session.keys.gear, window, start, filled);
      chunks.push(addChunk(session, window.subarray(start, start + length)));
      start += length;
      await session.chunks.ready();
    }
    window.copyWithin(0, start, filled);
    filled -= start;
  };
  for (const part of file.chunks(READ_BYTES)) {
    window.set(part, filled);
    filled += part.length;
    size += part.length;
    onBytes(part.length);
    if (filled + READ_BYTES > window.length) await cut(false);
  }
  await cut(true);
  return { size, chunks };
}

function addChunk(session: Session, bytes: Uint8Array): Promise<StoredChunk> {
  return session.chunks.add(BLOB_KINDS.data, bytes.length, (target) => target.set(bytes));
}
