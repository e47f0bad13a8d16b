/** Knows the chunks of a database again by their marks (§3.12): what did not change is not hashed again. */

import type { CryptoProvider } from '../../crypto/provider.js';

/** A row of a table: a chunk's mark and its SHA-256. The rows are in the order of the chunks. */
export const MARK_ROW_BYTES = 48;
const MARK_BYTES = 16;
const HASH_BYTES = 32;

/** What a marker says of some chunks. */
export interface MarkedChunks {
  /** SHA-256 of each, one after the other. */
  readonly hashes: Uint8Array;
  /** The mark of each, one after the other. */
  readonly marks: Uint8Array;
}

/** Their rows, for the next time; none where nothing was marked. */
export function tableRows({ hashes, marks }: MarkedChunks): Uint8Array {
  const rows = new Uint8Array((marks.length / MARK_BYTES) * MARK_ROW_BYTES);
  for (let i = 0; i * MARK_ROW_BYTES < rows.length; i += 1) {
    rows.set(marks.subarray(MARK_BYTES * i, MARK_BYTES * (i + 1)), MARK_ROW_BYTES * i);
    rows.set(hashes.subarray(HASH_BYTES * i, HASH_BYTES * (i + 1)), MARK_ROW_BYTES * i + MARK_BYTES);
  }
  return rows;
}

/** Marks and hashes chunks. */
export class Marker {
  readonly #crypto: CryptoProvider;
  readonly #key: Uint8Array;

  /** @param key - the mark key. */
  constructor(crypto: CryptoProvider, key: Uint8Array) {
    this.#crypto = crypto;
    this.#key = key;
  }

  /** @param known - the rows that the last backup made of the chunks at these places, or as many of them as there were. */
  mark(chunks: readonly Uint8Array[], known: Uint8Array): MarkedChunks {
    const crypto = this.#crypto;
    const hashes = new Uint8Array(HASH_BYTES * chunks.length);
    const marks = new Uint8Array(MARK_BYTES * chunks.length);
    for (const [i, chunk] of chunks.entries()) {
      const mark = crypto.gmac(this.#key, chunk);
      const row = known.subarray(MARK_ROW_BYTES * i, MARK_ROW_BYTES * (i + 1));
      const isKnown =
        row.length === MARK_ROW_BYTES && crypto.equalInConstantTime(row.subarray(0, MARK_BYTES), mark);
      const hash = isKnown ? row.subarray(MARK_BYTES) : crypto.sha256(chunk);
      hashes.set(hash, HASH_BYTES * i);
      marks.set(mark, MARK_BYTES * i);
    }
    return { hashes, marks };
  }
}
