/** Bundles of small files (spec §7.4). */
import { concat, readU32, u32 } from './bytes.js';
import { demand } from './fail.js';
import { LIMITS } from './limits.js';

export const writeBundle = (slices: readonly Uint8Array[]): Uint8Array =>
  concat(u32(slices.length), ...slices.map((slice) => u32(slice.length)), ...slices);

/** The slices of a bundle's plaintext. */
export function readBundle(plaintext: Uint8Array): Uint8Array[] {
  const clause = '§7.4';
  demand(plaintext.length >= 4, 'FORMAT_INVALID', clause, 'shorter than its count');
  const count = readU32(plaintext, 0);
  demand(count >= 1, 'FORMAT_INVALID', clause, 'no slices');
  demand(count <= LIMITS.bundleSlices, 'LIMIT_EXCEEDED', '§15', 'too many slices');
  demand(4 + 4 * count <= plaintext.length, 'FORMAT_INVALID', clause, 'shorter than its table');
  const slices: Uint8Array[] = [];
  let at = 4 + 4 * count;
  for (let i = 0; i < count; i += 1) {
    const length = readU32(plaintext, 4 + 4 * i);
    demand(length >= 1, 'FORMAT_INVALID', clause, 'an empty slice');
    demand(at + length <= plaintext.length, 'FORMAT_INVALID', clause, 'a slice beyond the end');
    slices.push(plaintext.slice(at, at + length));
    at += length;
  }
  demand(at === plaintext.length, 'FORMAT_INVALID', clause, 'something follows the slices');
  return slices;
}
