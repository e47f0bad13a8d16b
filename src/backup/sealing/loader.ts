/** Reads one unit into memory of its own, cuts it (§7) and hashes its chunks. */

import { cutLength, CUT } from '../../chunking/gear.js';
import { BUNDLED_FILE_BYTES, DATABASE_CHUNK_BYTES, WHOLE_FILE_BYTES } from '../../chunking/sizes.js';
import { nodeCrypto as crypto } from '../../crypto/node.js';
import { isNbakError } from '../../errors.js';
import { BLOB_KINDS, type BlobKind } from '../../format/blob.js';
import { bundleTable } from '../../format/bundle.js';
import type { BytePath } from '../../format/path.js';
import type { BlobSealer } from '../../repository/blob-crypto.js';
import { contentDigest, contentHash } from '../../repository/content-digest.js';
import { wholeLength } from '../../source/append-only.js';
import { bytesOf, isSparse, type Extent } from '../../source/holes.js';
import { MOST_READS, openSourceFile, readAt, xattrsOf, type SourceFile } from '../../source/read-file.js';
import { sourcePath } from '../../source/root.js';
import { readImage } from '../../source/sqlite/image.js';
import type { Xattrs } from '../../source/xattrs.js';
import { Marker } from './marks.js';
import { UNIT_BYTES, type Loaded, type OpenFile, type SealingStart, type Unit } from './protocol.js';
import { packFiles, type ReadFile } from './read-files.js';

/** A chunk in a slot's memory. */
export interface UnitChunk {
  readonly kind: BlobKind;
  readonly tag: Uint8Array;
  readonly bytes: Uint8Array;
}

/** What a slot holds. */
export interface LoadedUnit extends Omit<Loaded, 'chunks'> {
  readonly chunks: readonly UnitChunk[];
}

/** Slices of a bundle together: files may have grown since the walk saw them, but not without limit. */
const MOST_BUNDLE_BYTES = WHOLE_FILE_BYTES;

/** Loads units, one after the other, into the same memory. */
export class Loader {
  readonly #start: SealingStart;
  readonly #sealer: BlobSealer;
  readonly #marker: Marker;
  #memory = new Uint8Array(0);

  constructor(start: SealingStart, sealer: BlobSealer) {
    this.#start = start;
    this.#sealer = sealer;
    this.#marker = new Marker(crypto, start.markKey);
  }

  /** Loads a unit; what was loaded before is overwritten. */
  load(unit: Unit): LoadedUnit {
    switch (unit.kind) {
      case 'bytes':
        return this.#hashed([{ kind: unit.blobKind, bytes: unit.bytes }], unit.bytes.length);
      case 'stretch':
        return this.#stretch(unit);
      case 'pages':
        return this.#pages(unit);
      case 'file':
        return this.#file(unit);
      case 'bundles':
        return this.#bundles(unit);
    }
  }

  #stretch({ file, extents, isEnd }: Extract<Unit, { kind: 'stretch' }>): LoadedUnit {
    const length = bytesOf(extents);
    const bytes = this.#read(file, extents, length);
    // It shrank: what is there is all there is, and the caller will see that it changed.
    const isLast = isEnd || bytes.length < length;
    const chunks: RawChunk[] = [];
    let start = 0;
    while (start < bytes.length) {
      const end = start + cutLength(this.#start.gear, bytes, start, bytes.length);
      // What ends only where the reading ended goes on: its border is behind it.
      if (!isLast && end === bytes.length && end - start < CUT.maximum) break;
      chunks.push({ kind: BLOB_KINDS.data, bytes: bytes.subarray(start, end) });
      start = end;
    }
    return this.#hashed(chunks, start);
  }

  #pages({ image, offset, length, known }: Extract<Unit, { kind: 'pages' }>): LoadedUnit {
    const memory = this.#memoryFor(length).subarray(0, length);
    const bytes = memory.subarray(0, readImage(image, memory, offset));
    const raw = cutEvery(DATABASE_CHUNK_BYTES, bytes);
    if (known === undefined) return this.#hashed(raw, bytes.length);
    const { hashes, marks } = this.#marker.mark(
      raw.map((chunk) => chunk.bytes),
      known,
    );
    return { ...this.#tagged(raw, hashes), consumed: bytes.length, marks };
  }

  #read(file: OpenFile, extents: readonly Extent[], length: number): Uint8Array {
    const memory = this.#memoryFor(length);
    let filled = 0;
    for (const extent of extents) {
      const count = readAt(file, memory.subarray(filled, filled + extent.length), extent.offset);
      filled += count;
      if (count < extent.length) break;
    }
    return memory.subarray(0, filled);
  }

  #file({ directory, path, blobKind, isLog }: Extract<Unit, { kind: 'file' }>): LoadedUnit {
    const memory = this.#memoryFor(WHOLE_FILE_BYTES + 1);
    const place = sourcePath({ directory }, path);
    const read = readWhole(place, memory.subarray(0, WHOLE_FILE_BYTES + 1), isLog ? 'log' : 'file');
    if (read.state !== 'read') return { ...NOTHING, files: packFiles([read]) };
    const { bytes } = read;
    const raw = bytes.length === 0 ? [] : [{ kind: blobKind, bytes }];
    const { chunks, hashes } = this.#hashed(raw, bytes.length);
    const digest = this.#digestOf(path, chunks.length === 0 ? [] : [hashes]);
    const file = { ...factsOf(read), digest, chunk: chunks.length - 1, slice: -1 };
    return { ...NOTHING, chunks, consumed: read.bytes.length, files: packFiles([file]) };
  }

  #bundles({ directory, bundles, logs }: Extract<Unit, { kind: 'bundles' }>): LoadedUnit {
    const paths = bundles.reduce((sum, { length }) => sum + length, 0);
    const memory = this.#memoryFor(UNIT_BYTES + 4 * bundles.length + 4 * paths);
    const raw: RawChunk[] = [];
    const files: ReadFile[] = [];
    let end = 0;
    let consumed = 0;
    for (const bundle of bundles) {
      // The table's length is known only when all are read: the slices leave room for the longest.
      const first = end + 4 + 4 * bundle.length;
      const limit = Math.min(MOST_BUNDLE_BYTES, UNIT_BYTES - consumed);
      const lengths: number[] = [];
      end = first;
      for (const path of bundle) {
        const target = memory.subarray(end, end + 1 + Math.min(BUNDLED_FILE_BYTES, first + limit - 1 - end));
        const read = readWhole(sourcePath({ directory }, path), target, logs.has(path) ? 'log' : 'file');
        if (read.state !== 'read') {
          files.push(read);
          continue;
        }
        const isEmpty = read.bytes.length === 0;
        const digest = this.#digestOf(path, isEmpty ? [] : [crypto.sha256(read.bytes)]);
        files.push({ ...factsOf(read), digest, chunk: isEmpty ? -1 : raw.length, slice: lengths.length });
        if (!isEmpty) lengths.push(read.bytes.length);
        end += read.bytes.length;
      }
      consumed += end - first;
      if (lengths.length === 0) continue;
      const table = bundleTable(lengths);
      const bytes = memory.subarray(first - table.length, end);
      bytes.set(table);
      raw.push({ kind: BLOB_KINDS.bundle, bytes });
    }
    const { chunks } = this.#hashed(raw, consumed);
    return { ...NOTHING, chunks, consumed, files: packFiles(files) };
  }

  #hashed(raw: readonly RawChunk[], consumed: number): LoadedUnit {
    const hashes = new Uint8Array(32 * raw.length);
    for (const [i, { bytes }] of raw.entries()) hashes.set(crypto.sha256(bytes), 32 * i);
    return { ...this.#tagged(raw, hashes), consumed };
  }

  #tagged(raw: readonly RawChunk[], hashes: Uint8Array): LoadedUnit {
    const chunks = raw.map(({ kind, bytes }, i): UnitChunk => {
      return { kind, bytes, tag: this.#sealer.tagOf(hashes.subarray(32 * i, 32 * i + 32)) };
    });
    return { ...NOTHING, chunks, hashes };
  }

  #digestOf(path: BytePath, hashes: readonly Uint8Array[]): Uint8Array {
    const { digestKey } = this.#start;
    return contentDigest({ crypto, digestKey }, path, contentHash(crypto, hashes));
  }

  #memoryFor(length: number): Uint8Array {
    if (this.#memory.length < length) this.#memory = new Uint8Array(length);
    return this.#memory;
  }
}

type RawChunk = Omit<UnitChunk, 'tag'>;

const NONE = new Uint8Array(0);
const NOTHING: LoadedUnit = { chunks: [], consumed: 0, hashes: NONE, marks: NONE, files: packFiles([]) };

function cutEvery(length: number, bytes: Uint8Array): readonly RawChunk[] {
  const chunks: RawChunk[] = [];
  for (let start = 0; start < bytes.length; start += length)
    chunks.push({ kind: BLOB_KINDS.data, bytes: bytes.subarray(start, start + length) });
  return chunks;
}

type WholeFile =
  | Exclude<ReadFile, { state: 'read' }>
  | {
      readonly state: 'read';
      readonly bytes: Uint8Array;
      readonly torn: boolean;
      readonly dropped: number;
      readonly file: SourceFile;
      readonly xattrs: Xattrs;
    };

/** Reads a file whole, again while it changes; `target` is a byte longer than the longest that is wanted. */
function readWhole(path: Buffer, target: Uint8Array, what: 'file' | 'log'): WholeFile {
  try {
    for (let read = 1; ; read += 1) {
      using file = openSourceFile(path);
      if (file === undefined) return { state: 'gone' };
      if (file.size >= target.length || (file.size > BUNDLED_FILE_BYTES && isSparse(file)))
        return { state: 'outgrown' };
      const bytes = target.subarray(0, file.readInto(target));
      const xattrs = xattrsOf(file);
      // A log that has only grown is what it was, and more.
      const torn = what === 'log' ? file.hasShrunk() : file.hasChanged();
      if (torn && read < MOST_READS) continue;
      const whole = what === 'log' ? bytes.subarray(0, wholeLength(bytes)) : bytes;
      return { state: 'read', bytes: whole, torn, dropped: bytes.length - whole.length, file, xattrs };
    }
  } catch (error) {
    if (isNbakError(error, 'SOURCE_UNREADABLE')) return { state: 'unreadable', message: error.message };
    throw error;
  }
}

function factsOf({
  bytes,
  torn,
  dropped,
  file,
  xattrs,
}: Extract<WholeFile, { state: 'read' }>): Pick<
  Extract<ReadFile, { state: 'read' }>,
  'state' | 'size' | 'torn' | 'dropped' | 'mtime' | 'ctime' | 'xattrs'
> {
  return { state: 'read', size: bytes.length, torn, dropped, mtime: file.mtime, ctime: file.ctime, xattrs };
}
