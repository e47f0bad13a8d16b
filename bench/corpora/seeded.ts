/** Numbers and bytes from a seed, so that every run and every machine measures the same. */

import { createCipheriv, createHash, type Cipher } from 'node:crypto';

const NOISE_BYTES = 256 * 1024;
const ZEROS = Buffer.alloc(32 * 1024);

/** A seeded generator: numbers by xorshift128 (Marsaglia 2003), bytes that do not compress by AES-256-CTR. */
export class Seeded {
  /** Words of 32 bits: numbers in fields would be allocated anew each time. */
  readonly #state: Int32Array;
  readonly #stream: Cipher;
  #noise: Buffer = Buffer.alloc(0);

  constructor(seed: string) {
    const hash = createHash('sha256').update(seed).digest();
    this.#state = Int32Array.from([0, 4, 8, 12], (at) => hash.readInt32LE(at) | 1);
    this.#stream = createCipheriv('aes-256-ctr', hash, Buffer.alloc(16));
  }

  /** An integer from 0 to `limit` − 1. */
  below(limit: number): number {
    const state = this.#state;
    const first = state[0] as number;
    const last = state[3] as number;
    const t = first ^ (first << 11);
    const word = last ^ (last >>> 19) ^ t ^ (t >>> 8);
    state[0] = state[1] as number;
    state[1] = state[2] as number;
    state[2] = last;
    state[3] = word;
    return (word >>> 0) % limit;
  }

  /** Bytes that do not compress, as a view that is good until much more was asked for. */
  bytes(length: number): Buffer {
    if (length > NOISE_BYTES) {
      const bytes = Buffer.allocUnsafe(length);
      this.fill(bytes);
      return bytes;
    }
    if (this.#noise.length < length) {
      this.#noise = Buffer.allocUnsafe(NOISE_BYTES);
      this.fill(this.#noise);
    }
    const bytes = this.#noise.subarray(0, length);
    this.#noise = this.#noise.subarray(length);
    return bytes;
  }

  /** Fills `target` with bytes that do not compress. */
  fill(target: Buffer): void {
    // Small steps: the cipher allocates each answer, and what is large comes as fresh pages.
    for (let at = 0; at < target.length; at += ZEROS.length)
      this.#stream.update(ZEROS.subarray(0, target.length - at)).copy(target, at);
  }
}
