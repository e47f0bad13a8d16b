/** Cuts a segment into chunks as a backup does (§7), but for bundles: no table, and none across a segment's end. */

import { cutLength } from '../chunking/gear.js';
import {
  BUNDLE_BYTES,
  BUNDLED_FILE_BYTES,
  DATABASE_CHUNK_BYTES,
  isBundleBorder,
  WHOLE_FILE_BYTES,
} from '../chunking/sizes.js';
import { readU32 } from '../format/bytes.js';
import type { CryptoProvider } from '../crypto/provider.js';
import type { Part, Segment } from './segments.js';

/** A chunk in a segment's bytes. */
export interface Chunk {
  readonly offset: number;
  readonly length: number;
  /** Lengths of the files of a bundle; none for other chunks. */
  readonly slices: readonly number[];
}

/** The keyed parts of cutting (§3.8). */
export interface CuttingKeys {
  readonly gear: Int32Array;
  readonly border: Uint8Array;
}

const DATABASE_MAGIC = Buffer.from('SQLite format 3\0', 'latin1');

/** Cuts segments one after the other. */
export class Cutter {
  readonly #crypto: CryptoProvider;
  readonly #keys: CuttingKeys;
  /** A database goes on in the next segment without a header. */
  #database: Part['file'] | undefined;

  constructor(crypto: CryptoProvider, keys: CuttingKeys) {
    this.#crypto = crypto;
    this.#keys = keys;
  }

  /** The chunks of a segment, in order and without gaps. */
  cut(segment: Segment): readonly Chunk[] {
    const chunks: Chunk[] = [];
    let bundle: Part[] = [];
    const endBundle = (): void => {
      const [first] = bundle;
      if (first === undefined) return;
      const slices = bundle.map(({ length }) => length);
      chunks.push({ offset: first.offset, length: slices.reduce((a, b) => a + b, 0), slices });
      bundle = [];
    };
    let bundled = 0;
    for (const part of segment.parts) {
      const isSmall = part.file.size <= BUNDLED_FILE_BYTES;
      if (!isSmall || bundled + part.length > BUNDLE_BYTES) {
        endBundle();
        bundled = 0;
      }
      if (!isSmall) this.#cutLarge(segment, part, chunks);
      else {
        bundle.push(part);
        bundled += part.length;
        const hash = readU32(this.#crypto.hmacSha256(this.#keys.border, part.file.path), 0);
        if (isBundleBorder(hash, part.length)) {
          endBundle();
          bundled = 0;
        }
      }
    }
    endBundle();
    return chunks;
  }

  #cutLarge({ bytes }: Segment, part: Part, chunks: Chunk[]): void {
    const end = part.offset + part.length;
    const start = bytes.subarray(part.offset, part.offset + DATABASE_MAGIC.length);
    if (DATABASE_MAGIC.equals(start)) this.#database = part.file;
    const lengthAt = (at: number): number => {
      if (this.#database === part.file) return Math.min(DATABASE_CHUNK_BYTES, end - at);
      return part.file.size <= WHOLE_FILE_BYTES ? end - at : cutLength(this.#keys.gear, bytes, at, end);
    };
    for (let at = part.offset; at < end;) {
      const length = lengthAt(at);
      chunks.push({ offset: at, length, slices: [] });
      at += length;
    }
  }
}
