/** Content-defined cutting with a keyed gear table. Implements §7.3. */

/** Borders of §7.3, in bytes. */
export const CUT = {
  minimum: 512 * 1024,
  normal: 1024 * 1024,
  maximum: 4 * 1024 * 1024,
} as const;

/** The hash only remembers its last 32 bytes, so bytes before the window that ends at the minimum are skipped. */
const WINDOW = 64;
const STRICT_SHIFT = 32 - 20;
const LOOSE_SHIFT = 32 - 18;

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
  let hash = 0;
  let i = start + CUT.minimum - WINDOW;
  for (const warm = start + CUT.minimum - 1; i < warm; i += 1) {
    hash = ((hash << 1) + (table[bytes[i] as number] as number)) | 0;
  }
  for (const normal = Math.min(limit, start + CUT.normal); i < normal; i += 1) {
    hash = ((hash << 1) + (table[bytes[i] as number] as number)) | 0;
    if (hash >>> STRICT_SHIFT === 0) return i + 1 - start;
  }
  for (; i < limit; i += 1) {
    hash = ((hash << 1) + (table[bytes[i] as number] as number)) | 0;
    if (hash >>> LOOSE_SHIFT === 0) return i + 1 - start;
  }
  return limit - start;
}
