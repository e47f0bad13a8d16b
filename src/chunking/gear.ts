/** Content-defined cutting with a keyed gear table. Implements §7.3. */

/** Borders of §7.3, in bytes. */
export const CUT = {
  minimum: 512 * 1024,
  normal: 1024 * 1024,
  maximum: 4 * 1024 * 1024,
} as const;

/** The hash only remembers its last 32 bytes, so what comes before is skipped. */
const WINDOW = 32;
/** A border is where these bits of the hash are zero: the first 20, or the first 18. */
const STRICT_MASK = -1 << (32 - 20);
const LOOSE_MASK = -1 << (32 - 18);

/** The 256 words of §3.8 from the 1024 bytes that the gear key expands to. */
export function gearTable(bytes: Uint8Array): Int32Array {
  if (bytes.length !== 1024) throw new RangeError(`gearTable expects 1024 bytes, got ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Int32Array.from({ length: 256 }, (_, i) => view.getInt32(4 * i));
}

/**
 * The length of the chunk that begins at `start`, looking no further than `end`.
 *
 * @returns the length; `end - start` when no border was found, which is final only when `end - start` is the
 *   maximum or the file ends there.
 */
export function cutLength(table: Int32Array, bytes: Uint8Array, start: number, end: number): number {
  const limit = Math.min(end, start + CUT.maximum);
  if (limit - start <= CUT.minimum) return limit - start;
  const normal = Math.min(limit, start + CUT.normal);
  const strict = borderIn(table, bytes, { from: start + CUT.minimum - 1, to: normal, mask: STRICT_MASK });
  if (strict !== undefined) return strict - start;
  const loose = borderIn(table, bytes, { from: normal, to: limit, mask: LOOSE_MASK });
  return (loose ?? limit) - start;
}

/**
 * The first border behind one of the bytes in a range. A function of its own with little behind its loop: V8 replaces
 * running loops by optimized ones, and gives up those that are followed by what it has not seen run. Four bytes a turn
 * are half as fast again as one.
 */
function borderIn(
  table: Int32Array,
  bytes: Uint8Array,
  { from, to, mask }: { readonly from: number; readonly to: number; readonly mask: number },
): number | undefined {
  let hash = 0;
  let i = from - WINDOW;
  for (; i < from; i += 1) hash = roll(hash, table[bytes[i] as number]);
  for (; i + 4 <= to; i += 4) {
    const first = roll(hash, table[bytes[i] as number]);
    const second = roll(first, table[bytes[i + 1] as number]);
    const third = roll(second, table[bytes[i + 2] as number]);
    hash = roll(third, table[bytes[i + 3] as number]);
    if ((first & mask) === 0) return i + 1;
    if ((second & mask) === 0) return i + 2;
    if ((third & mask) === 0) return i + 3;
    if ((hash & mask) === 0) return i + 4;
  }
  for (; i < to; i += 1) {
    hash = roll(hash, table[bytes[i] as number]);
    if ((hash & mask) === 0) return i + 1;
  }
  return undefined;
}

function roll(hash: number, word: number | undefined): number {
  return ((hash << 1) + (word as number)) | 0;
}
