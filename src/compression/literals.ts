/** What a zstd compressor found no match for, read from a frame that it has just made (RFC 8878 §3.1.1). */

import { firstBlockOf } from '../format/zstd-frame.js';

const COMPRESSED_BLOCK = 2;
const RAW_LITERALS = 0;
const BLOCK_HEADER_BYTES = 3;

/**
 * The literals of a frame's first block, where they lie in it as they are.
 *
 * @returns a view into `frame`; undefined where they are coded, or the block has none of its own.
 */
export function rawLiterals(frame: Uint8Array): Uint8Array | undefined {
  const block = firstBlockOf(frame);
  if ((((frame[block] ?? 0) >> 1) & 3) !== COMPRESSED_BLOCK) return undefined;
  const section = block + BLOCK_HEADER_BYTES;
  const [a = 0, b = 0, c = 0] = frame.subarray(section, section + 3);
  if ((a & 3) !== RAW_LITERALS) return undefined;
  const format = (a >> 2) & 3;
  const [headerBytes, length] =
    format === 3
      ? [3, (a >> 4) | (b << 4) | (c << 12)]
      : format === 1
        ? [2, (a >> 4) | (b << 4)]
        : [1, a >> 3];
  return frame.subarray(section + headerBytes, section + headerBytes + length);
}
