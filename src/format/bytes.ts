/** Byte strings: joining, comparing, hex, big-endian integers (§0). Pure and portable. */

/** Joins byte strings into a new one. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Compares bytewise: negative, 0 or positive. Not in constant time; secrets are compared by crypto/. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Says whether two byte strings are equal; not in constant time. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0;
}

const HEX_DIGITS = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));
const asciiDecoder = new TextDecoder();

/** Lower-case hex. */
export function toHex(bytes: Uint8Array): string {
  // Decoded in one go: a text put together digit by digit is put together again by every map that it is a key of.
  const digits = new Uint8Array(2 * bytes.length);
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i] ?? 0;
    digits[2 * i] = HEX_DIGITS[byte >> 4] ?? 0;
    digits[2 * i + 1] = HEX_DIGITS[byte & 15] ?? 0;
  }
  return asciiDecoder.decode(digits);
}

/**
 * The bytes of lower-case hex text.
 *
 * @throws RangeError when `text` is anything else.
 */
export function fromHex(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length >> 1);
  writeHex(bytes, 0, text);
  return bytes;
}

/**
 * Writes the bytes of lower-case hex text at `offset`.
 *
 * @throws RangeError when `text` is anything else.
 */
export function writeHex(target: Uint8Array, offset: number, text: string): void {
  if (text.length % 2 !== 0) throw new RangeError('expected lower-case hex');
  for (let i = 0; i < text.length; i += 2) {
    const value = (digit(text.charCodeAt(i)) << 4) | digit(text.charCodeAt(i + 1));
    // The sign of either shows in both.
    if (value < 0) throw new RangeError('expected lower-case hex');
    target[offset + (i >> 1)] = value;
  }
}

/** The value of a lower-case hex digit by its character code, negative for every other character. */
function digit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  return code >= 0x61 && code <= 0x66 ? code - 0x57 : -1;
}

const ENCODER = new TextEncoder();

/** The ASCII or UTF-8 bytes of `text`. */
export function utf8(text: string): Uint8Array {
  return ENCODER.encode(text);
}

/** `u32(value)` of §0. */
export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  writeU32(bytes, 0, value);
  return bytes;
}

/** Writes `u32(value)` of §0 at `offset`. */
export function writeU32(target: Uint8Array, offset: number, value: number): void {
  target[offset] = value >>> 24;
  target[offset + 1] = value >>> 16;
  target[offset + 2] = value >>> 8;
  target[offset + 3] = value;
}

/**
 * Reads a u32 at `offset`.
 *
 * @throws RangeError when it does not lie inside.
 */
export function readU32(bytes: Uint8Array, offset: number): number {
  const [a, b, c, d] = [bytes[offset], bytes[offset + 1], bytes[offset + 2], bytes[offset + 3]];
  if (a === undefined || b === undefined || c === undefined || d === undefined)
    throw new RangeError('a u32 lies outside of its bytes');
  // Not through a DataView: pages have thousands of these, and making one costs more than reading.
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}
