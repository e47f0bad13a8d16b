/** Cutting large files by content (spec §7.3) and small files into bundles (spec §7.5). */
import { byteAt, readU32 } from './bytes.js';
import { LIMITS } from './limits.js';
import { mac } from './schedule.js';

const KIB = 1024;
const SHORTEST = 512 * KIB;
const NORMAL = 1024 * KIB;
const LONGEST = 4096 * KIB;
const WARM_UP = 64;
const BUNDLE_BYTES = 256 * KIB;

/** Length of the chunk that begins at `start`. */
function chunkLength(data: Uint8Array, start: number, table: Uint32Array): number {
  const longest = Math.min(LONGEST, data.length - start);
  let g = 0;
  for (let length = SHORTEST - WARM_UP + 1; length <= longest; length += 1) {
    const word = table[byteAt(data, start + length - 1)] ?? 0;
    g = (g * 2 + word) >>> 0;
    if (length < SHORTEST) continue;
    const zeroBits = length <= NORMAL ? 20 : 18;
    if (g < 2 ** (32 - zeroBits)) return length;
  }
  return longest;
}

/** The lengths of the chunks of a file of more than 1 MiB. */
export function cutFile(data: Uint8Array, table: Uint32Array): number[] {
  const lengths: number[] = [];
  for (let start = 0; start < data.length;) {
    const length = chunkLength(data, start, table);
    lengths.push(length);
    start += length;
  }
  return lengths;
}

/** A small file, in path order. */
export interface SmallFile {
  readonly path: Uint8Array;
  readonly length: number;
}

/** How many files each bundle of a root takes. */
export function cutBundles(files: readonly SmallFile[], borderKey: Uint8Array): number[] {
  const counts: number[] = [];
  let count = 0;
  let sum = 0;
  files.forEach((file, i) => {
    count += 1;
    sum += file.length;
    const word = BigInt(readU32(mac(borderKey, file.path), 0));
    const border = word * 98304n < (1n << 32n) * BigInt(file.length + 512);
    const next = files[i + 1];
    const full = next === undefined || sum + next.length > BUNDLE_BYTES || count === LIMITS.bundleSlices;
    if (border || full) {
      counts.push(count);
      count = 0;
      sum = 0;
    }
  });
  return counts;
}
