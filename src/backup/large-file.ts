/** Files of more than one chunk: cut by content (§7.3), stretch by stretch, each where the last one's borders end, around the holes. */

import type { Timestamp } from '../format/entry.js';
import { wholeFileLength } from '../source/append-only.js';
import { bytesOf, dataBetween, findHoles, type Extent, type Holes } from '../source/holes.js';
import { MOST_READS, openSourceFile, xattrsOf, type SourceFile } from '../source/read-file.js';
import type { Xattrs } from '../source/xattrs.js';
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
  /** Bytes of a torn last line that were left behind. */
  readonly dropped: number;
  /** As of the descriptor that was read. */
  readonly mtime: Timestamp;
  readonly ctime: Timestamp;
  readonly xattrs: Xattrs;
  /** What of the size is in no chunk. */
  readonly holes: Holes;
}

/**
 * Reads a file and stores its chunks.
 *
 * @param isLog - lines are only ever added to it: a torn last one is left behind.
 * @param onBytes - told of bytes as they are read; what it throws ends the reading.
 * @returns undefined when it is gone or no plain file any more.
 * @throws NbakError `SOURCE_UNREADABLE` or what storing throws.
 */
export async function storeLargeFile(
  store: ChunkStore,
  { path, isLog }: { readonly path: Buffer; readonly isLog: boolean },
  onBytes: (bytes: number) => void,
): Promise<LargeFile | undefined> {
  for (let read = 1; ; read += 1) {
    using file = openSourceFile(path);
    if (file === undefined) return undefined;
    const { mtime, ctime } = file;
    const end = isLog ? wholeFileLength(file, file.size) : file.size;
    const holes = isLog ? [] : findHoles(file);
    const { size, hashes, stored } = await readStretches(store, { file, end, holes }, onBytes);
    const xattrs = xattrsOf(file);
    const torn = (isLog ? file.hasShrunk() : file.hasChanged()) || size !== end;
    if (torn && read < MOST_READS) continue;
    const chunks = (await Promise.all(stored)).flat();
    // Of a file that shrank, those behind its end are none.
    const within = holes.filter(([offset, length]) => offset + length <= size);
    return { size, hashes, chunks, torn, dropped: file.size - end, mtime, ctime, xattrs, holes: within };
  }
}

interface Stretches {
  readonly size: number;
  readonly hashes: readonly Uint8Array[];
  readonly stored: readonly Promise<readonly StoredChunk[]>[];
}

async function readStretches(
  store: ChunkStore,
  { file, end, holes }: { readonly file: SourceFile; readonly end: number; readonly holes: Holes },
  onBytes: (bytes: number) => void,
): Promise<Stretches> {
  const stored: Promise<readonly StoredChunk[]>[] = [];
  const hashes: Uint8Array[] = [];
  const { descriptor, path } = file;
  let left = dataBetween(holes, end);
  while (left.length > 0) {
    const extents = takeFirst(left, UNIT_BYTES);
    const isEnd = bytesOf(extents) === bytesOf(left);
    const unit = store.store({ kind: 'stretch', file: { descriptor, path }, extents, isEnd });
    const loaded = await unit.loaded;
    stored.push(unit.stored);
    for (let i = 0; i < loaded.chunks.length; i += 1)
      hashes.push(loaded.hashes.subarray(32 * i, 32 * i + 32));
    left = dropFirst(left, loaded.consumed);
    onBytes(loaded.consumed);
    // It is shorter than it was.
    if (loaded.consumed === 0) break;
  }
  return { size: left[0]?.offset ?? end, hashes, stored };
}

/** The first `most` bytes of the extents, or all of them. */
function takeFirst(extents: readonly Extent[], most: number): readonly Extent[] {
  const taken: Extent[] = [];
  let room = most;
  for (const { offset, length } of extents) {
    if (room === 0) break;
    taken.push({ offset, length: Math.min(length, room) });
    room -= Math.min(length, room);
  }
  return taken;
}

/** What is left of the extents behind their first `count` bytes. */
function dropFirst(extents: readonly Extent[], count: number): readonly Extent[] {
  let dropped = 0;
  return extents.flatMap(({ offset, length }) => {
    const drop = Math.min(length, count - dropped);
    dropped += drop;
    return drop === length ? [] : [{ offset: offset + drop, length: length - drop }];
  });
}
