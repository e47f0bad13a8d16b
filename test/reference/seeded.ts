/** Deterministic "random" bytes that depend on a seed alone. */
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { ascii, concat, readU32, u32 } from './bytes.js';

const GENERATOR = ascii('nbak vectors 2.0');

/** `length` bytes: block i is HMAC("nbak vectors 2.0", seed ‖ 00 ‖ u32(i)). */
export function seeded(seed: string, length: number): Uint8Array {
  const prefix = concat(ascii(seed), Uint8Array.of(0));
  const result = new Uint8Array(length);
  for (let offset = 0; offset < length; offset += 32) {
    const block = hmac(sha256, GENERATOR, concat(prefix, u32(offset / 32)));
    result.set(block.subarray(0, Math.min(32, length - offset)), offset);
  }
  return result;
}

/**
 * `length` bytes for big inputs: the 32-bit words, big-endian, of xorshift32 (13, 17, 5) that starts after
 * the first word of SHA-256(seed).
 */
export function bigSeeded(seed: string, length: number): Uint8Array {
  let word = readU32(sha256(ascii(seed)), 0);
  const result = new DataView(new ArrayBuffer(Math.ceil(length / 4) * 4));
  for (let offset = 0; offset < length; offset += 4) {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    result.setUint32(offset, word >>> 0);
  }
  return new Uint8Array(result.buffer, 0, length);
}
