/** Compressing and decompressing the raw bytes of pages and index objects (§5.3). */

import { compress, decompress } from '../compression/zstd.js';
import { NbakError } from '../errors.js';
import {
  decodeCompressedObject,
  encodeCompressedObject,
  type CompressedMagic,
} from '../format/compressed-object.js';

/** Wraps raw bytes, compressed where that helps. */
export function packObject(magic: CompressedMagic, raw: Uint8Array): Uint8Array {
  const compressed = compress(raw);
  const smaller = compressed.length < raw.length;
  const body = smaller ? compressed : raw;
  return encodeCompressedObject(magic, { codec: smaller ? 'zstd' : 'stored', rawLength: raw.length, body });
}

/**
 * The raw bytes of a stored object.
 *
 * @param most - the limit of §15 for the raw length.
 * @throws NbakError `FORMAT_INVALID`, `FORMAT_NEWER` or `LIMIT_EXCEEDED`.
 */
export function unpackObject(
  magic: CompressedMagic,
  bytes: Uint8Array,
  most: number,
  what: string,
): Uint8Array {
  const { codec, rawLength, body } = decodeCompressedObject(magic, bytes, most, what);
  const raw = codec === 'stored' ? body : decompress(body, rawLength);
  if (raw === undefined) {
    throw new NbakError('FORMAT_INVALID', `Cannot read ${what}: its compressed data is broken`, {
      details: { object: what },
    });
  }
  return raw;
}
