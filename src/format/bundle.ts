/** Several small files in one chunk. Implements §7.4. */

import { concatBytes, readU32, writeU32 } from './bytes.js';
import { LIMITS } from './limits.js';
import { invalidField, limitExceeded } from './shape.js';

/** Encodes a bundle of one or more non-empty slices. */
export function encodeBundle(slices: readonly Uint8Array[]): Uint8Array {
  return concatBytes(bundleTable(slices.map(({ length }) => length)), ...slices);
}

/** What a bundle of one or more non-empty slices of these lengths begins with. */
export function bundleTable(lengths: readonly number[]): Uint8Array {
  const table = new Uint8Array(4 + 4 * lengths.length);
  writeU32(table, 0, lengths.length);
  for (const [i, length] of lengths.entries()) writeU32(table, 4 + 4 * i, length);
  return table;
}

/**
 * Takes a bundle apart into views of its slices.
 *
 * @throws NbakError `FORMAT_INVALID` or `LIMIT_EXCEEDED`.
 */
export function decodeBundle(plaintext: Uint8Array): readonly Uint8Array[] {
  const structure = 'a bundle';
  if (plaintext.length < 4) throw invalidField(structure, 'its table', 'complete');
  const count = readU32(plaintext, 0);
  if (count > LIMITS.bundleSlices) throw limitExceeded(structure, 'bundleSlices', count, LIMITS.bundleSlices);
  if (count < 1) throw invalidField(structure, 'count', 'at least 1');
  let offset = 4 + 4 * count;
  if (offset > plaintext.length) throw invalidField(structure, 'its table', 'complete');
  const slices: Uint8Array[] = [];
  for (let i = 0; i < count; i += 1) {
    const length = readU32(plaintext, 4 + 4 * i);
    if (length < 1 || length > plaintext.length - offset)
      throw invalidField(structure, `length ${i}`, 'within the bundle');
    slices.push(plaintext.subarray(offset, offset + length));
    offset += length;
  }
  if (offset !== plaintext.length)
    throw invalidField(structure, 'the sum of its lengths', 'the whole bundle');
  return slices;
}
