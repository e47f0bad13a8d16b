/** Deterministic "random" bytes: block i of a seed is HMAC(generator name, seed ‖ 00 ‖ u32(i)). */
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { ascii, concat, u32 } from './bytes.js';

const GENERATOR = ascii('nbak vectors 2.0');

/** `length` bytes that depend on `seed` alone. */
export function seeded(seed: string, length: number): Uint8Array {
  const prefix = concat(ascii(seed), Uint8Array.of(0));
  const result = new Uint8Array(length);
  for (let offset = 0; offset < length; offset += 32) {
    const block = hmac(sha256, GENERATOR, concat(prefix, u32(offset / 32)));
    result.set(block.subarray(0, Math.min(32, length - offset)), offset);
  }
  return result;
}
