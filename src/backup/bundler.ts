/** Small files in path order, several to a chunk. Implements §7.4 and §7.5 for writers. */

import { BUNDLE_BYTES, isBundleBorder } from '../chunking/sizes.js';
import { BLOB_KINDS } from '../format/blob.js';
import { encodeBundle } from '../format/bundle.js';
import { LIMITS } from '../format/limits.js';
import { pathToBytes, type BytePath } from '../format/path.js';
import { readU32 } from '../format/bytes.js';
import type { CryptoProvider } from '../crypto/provider.js';
import type { ChunkStore } from './chunk-store.js';
import type { ContentPiece } from './content.js';

/** A small file that waits for its bundle. */
export interface SmallFile {
  readonly path: BytePath;
  /** Bytes, as the walk saw them: they decide the borders. */
  readonly size: number;
  /** Its content of an earlier backup, where it is unchanged. */
  readonly remembered: readonly ContentPiece[] | undefined;
  /** Reads the file: called at most once, and not where the whole bundle is unchanged. */
  readonly read: () => SmallFileBytes | undefined;
  readonly settle: (content: SmallFileContent | undefined) => void;
  readonly fail: (error: unknown) => void;
}

/** What a small file held when it was read. */
export interface SmallFileBytes {
  readonly bytes: Uint8Array;
  readonly torn: boolean;
}

/** What a small file became: a slice, or nothing for a file that is empty by now. */
export interface SmallFileContent {
  readonly pieces: readonly ContentPiece[];
  /** SHA-256 of the slice; absent where the remembered content was taken. */
  readonly pieceHash?: Uint8Array;
  readonly read?: SmallFileBytes;
}

interface ReadFile {
  readonly file: SmallFile;
  readonly read: SmallFileBytes;
}

/** Files that grew since the walk saw them are bundled up to this; one alone may have 1 MiB. */
const MOST_BYTES = 1024 * 1024;
/** §7.5: a bundle does not stay open over more entries than this, or everything behind it would wait in memory. */
const MOST_ENTRIES = 4096;

/** Gathers small files of one root into bundles. */
export class Bundler {
  readonly #crypto: CryptoProvider;
  readonly #borderKey: Uint8Array;
  readonly #store: ChunkStore;
  #group: SmallFile[] = [];
  #bytes = 0;
  /** Entries since the first file of the group. */
  #entries = 0;

  constructor(crypto: CryptoProvider, borderKey: Uint8Array, store: ChunkStore) {
    this.#crypto = crypto;
    this.#borderKey = borderKey;
    this.#store = store;
  }

  /** Counts an entry of any kind, in path order, before its file is added. */
  pass(): void {
    if (this.#group.length === 0) return;
    this.#entries += 1;
    if (this.#entries >= MOST_ENTRIES) this.end();
  }

  /** Adds a file of 1 byte to 32 KiB, in path order. */
  add(file: SmallFile): void {
    const full = this.#bytes + file.size > BUNDLE_BYTES || this.#group.length >= LIMITS.bundleSlices;
    if (this.#group.length > 0 && full) this.end();
    this.#group.push(file);
    this.#bytes += file.size;
    const hash = readU32(this.#crypto.hmacSha256(this.#borderKey, pathToBytes(file.path)), 0);
    if (isBundleBorder(hash, file.size)) this.end();
  }

  /** Ends the bundle under way: at a border, and at the end of the root. */
  end(): void {
    const group = this.#group;
    this.#group = [];
    this.#bytes = 0;
    this.#entries = 0;
    if (group.length === 0) return;
    if (group.every(({ remembered }) => remembered !== undefined)) {
      for (const { remembered, settle } of group) settle({ pieces: remembered ?? [] });
      return;
    }
    this.#seal(group);
  }

  #seal(group: readonly SmallFile[]): void {
    let full: ReadFile[] = [];
    let bytes = 0;
    for (const file of group) {
      try {
        const read = file.read();
        if (read === undefined) file.settle(undefined);
        else if (read.bytes.length === 0) file.settle({ pieces: [], read });
        else {
          // They were small when the walk saw them, and may not be any more.
          if (full.length > 0 && bytes + read.bytes.length > MOST_BYTES) {
            this.#add(full);
            full = [];
            bytes = 0;
          }
          bytes += read.bytes.length;
          full.push({ file, read });
        }
      } catch (error) {
        file.fail(error);
      }
    }
    this.#add(full);
  }

  #add(full: readonly ReadFile[]): void {
    if (full.length === 0) return;
    const bundle = encodeBundle(full.map(({ read }) => read.bytes));
    this.#store
      .add(BLOB_KINDS.bundle, bundle.length, (target) => target.set(bundle))
      .then(
        ({ id, length, plaintextLength, pieces }) => {
          for (const [slice, { file, read }] of full.entries()) {
            const pieceHash = pieces[slice];
            if (pieceHash === undefined) throw new RangeError('a bundle lost a slice');
            file.settle({ pieces: [{ id, length, plaintextLength, slice }], pieceHash, read });
          }
        },
        (error: unknown) => {
          for (const { file } of full) file.fail(error);
        },
      );
  }
}
