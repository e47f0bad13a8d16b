/** Files of more than one chunk: cut by content (§7.3), stretch by stretch, each where the last one's borders end. */

import type { Timestamp } from '../format/entry.js';
import { MOST_READS, openSourceFile, type SourceFile } from '../source/read-file.js';
import type { ChunkStore, StoredChunk } from './chunk-store.js';
import { UNIT_BYTES } from './sealing/protocol.js';

/** What reading a file gave. */
export interface LargeFile {
  readonly size: number;
  /** SHA-256 of each chunk. */
  readonly hashes: readonly Uint8Array[];
  readonly chunks: readonly StoredChunk[];
  /** It changed each time it was read. */
  readonly torn: boolean;
  /** As of the descriptor that was read. */
  readonly mtime: Timestamp;
  readonly ctime: Timestamp;
}

/**
 * Reads a file and stores its chunks.
 *
 * @param onBytes - told of bytes as they are read; what it throws ends the reading.
 * @returns undefined when it is gone or no plain file any more.
 * @throws NbakError `SOURCE_UNREADABLE` or what storing throws.
 */
export async function storeLargeFile(
  store: ChunkStore,
  path: Buffer,
  onBytes: (bytes: number) => void,
): Promise<LargeFile | undefined> {
  for (let read = 1; ; read += 1) {
    using file = openSourceFile(path);
    if (file === undefined) return undefined;
    const { size, hashes, stored } = await readStretches(store, file, onBytes);
    const torn = file.hasChanged() || size !== file.size;
    if (torn && read < MOST_READS) continue;
    const { mtime, ctime } = file;
    return { size, hashes, chunks: (await Promise.all(stored)).flat(), torn, mtime, ctime };
  }
}

interface Stretches {
  readonly size: number;
  readonly hashes: readonly Uint8Array[];
  readonly stored: readonly Promise<readonly StoredChunk[]>[];
}

async function readStretches(
  store: ChunkStore,
  file: SourceFile,
  onBytes: (bytes: number) => void,
): Promise<Stretches> {
  const stored: Promise<readonly StoredChunk[]>[] = [];
  const hashes: Uint8Array[] = [];
  const { descriptor, path } = file;
  let offset = 0;
  while (offset < file.size) {
    const length = Math.min(UNIT_BYTES, file.size - offset);
    const isEnd = offset + length === file.size;
    const unit = store.store({ kind: 'stretch', file: { descriptor, path }, offset, length, isEnd });
    const loaded = await unit.loaded;
    stored.push(unit.stored);
    for (let i = 0; i < loaded.chunks.length; i += 1)
      hashes.push(loaded.hashes.subarray(32 * i, 32 * i + 32));
    offset += loaded.consumed;
    onBytes(loaded.consumed);
    // It is shorter than it was.
    if (loaded.consumed === 0) break;
  }
  return { size: offset, hashes, stored };
}
