/** Which file is cut how. Implements §7.1, §7.2 and the amounts of §7.4 and §7.5. */

/** A database is cut at multiples of this (§7.1): short, since its changes are scattered, and no shorter than compresses. */
export const DATABASE_CHUNK_BYTES = 112 * 1024;
/** Files up to this go into bundles (§7.4). */
export const BUNDLED_FILE_BYTES = 32 * 1024;
/** Files up to this are one chunk (§7.2). */
export const WHOLE_FILE_BYTES = 1024 * 1024;
/** A bundle's slices sum to at most this (§7.5). */
export const BUNDLE_BYTES = 256 * 1024;
const BORDER_SCALE = 98_304;
const BORDER_OFFSET = 512;

/**
 * Says whether a bundle ends after a file (§7.5).
 *
 * @param hash - u32 of the first 4 bytes of HMAC(border key, path).
 * @param length - the file's length in bytes.
 */
export function isBundleBorder(hash: number, length: number): boolean {
  return hash < (2 ** 32 * (length + BORDER_OFFSET)) / BORDER_SCALE;
}
