/** zstd through libzstd, loaded on first use (§5.4). Callers have checked a frame's headers before they decompress. */

import { createRequire } from 'node:module';
import type * as Binding from 'zstd-napi/binding.js';

const require = createRequire(import.meta.url);
const loadBinding = (): typeof Binding => require('zstd-napi/binding.js') as typeof Binding;

/**
 * What is compressed, since it matters more than the level. Measured on chat text with embeddings, notes, logs, code
 * and programs: where noise lies between short texts, looking for matches of 4 bytes in one table gives what level 3
 * gives, a quarter faster; in bundles of text, matches of 5 bytes give 2 % more; for everything longer, zstd's own
 * default is best, by a tenth on code.
 */
const SETTINGS = {
  pages: { compressionLevel: 1, minMatch: 4, hashLog: 16 },
  bundle: { compressionLevel: 1, minMatch: 5, hashLog: 16 },
  any: { compressionLevel: 3 },
} as const satisfies Record<string, Partial<Record<keyof typeof Binding.CParameter, number>>>;

/** What is compressed: pages of a database, small files in a bundle, or anything else. */
export type Matter = keyof typeof SETTINGS;

let binding: typeof Binding | undefined;
const compressors = new Map<Matter, Binding.CCtx>();
let decompressor: Binding.DCtx | undefined;
/** Where frames are made: fresh memory for each would cost more than compressing it. */
let scratch = new Uint8Array(0);

/** One zstd frame that declares its content size. */
export function compress(bytes: Uint8Array): Uint8Array {
  return compressed(bytes, 'any').slice();
}

/**
 * A zstd frame smaller than `bytes`, or undefined where there is none.
 *
 * @returns a view that is good until the next call.
 */
export function compressSmaller(bytes: Uint8Array, matter: Matter): Uint8Array | undefined {
  const frame = compressed(bytes, matter);
  return frame.length < bytes.length ? frame : undefined;
}

function compressed(bytes: Uint8Array, matter: Matter): Uint8Array {
  binding ??= loadBinding();
  const compressor = compressors.get(matter) ?? makeCompressor(binding, matter);
  const most = binding.compressBound(bytes.length);
  if (scratch.length < most) scratch = new Uint8Array(most);
  return scratch.subarray(0, compressor.compress2(scratch, bytes));
}

function makeCompressor({ CCtx, CParameter }: typeof Binding, matter: Matter): Binding.CCtx {
  const compressor = new CCtx();
  for (const [name, value] of Object.entries(SETTINGS[matter]))
    compressor.setParameter(CParameter[name as keyof typeof CParameter], value);
  compressors.set(matter, compressor);
  return compressor;
}

/**
 * Decompresses one frame whose headers were checked by `assertZstdFrame`, so that it allocates what they declare.
 *
 * @returns the bytes, or undefined when the frame's data is broken or gives another length.
 */
export function decompress(frame: Uint8Array, rawLength: number): Uint8Array | undefined {
  const bytes = new Uint8Array(rawLength);
  return decompressInto(frame, bytes) ? bytes : undefined;
}

/**
 * As {@link decompress}, into `target`, which has the length that is expected.
 *
 * @returns false when the frame's data is broken or gives another length; then `target` holds anything.
 */
export function decompressInto(frame: Uint8Array, target: Uint8Array): boolean {
  binding ??= loadBinding();
  decompressor ??= new binding.DCtx();
  try {
    return decompressor.decompress(target, frame) === target.length;
  } catch {
    return false;
  }
}

/**
 * Says whether compressing is likely to pay: false when samples of `bytes` look like noise. Random, encrypted and
 * already compressed data is most of what assistants store in uploads, and zstd spends its time on it in vain.
 */
export function looksCompressible(bytes: Uint8Array): boolean {
  if (bytes.length < SAMPLES * SAMPLE_BYTES) return true;
  counts.fill(0);
  const stride = Math.floor(bytes.length / SAMPLES);
  for (let start = 0; start + SAMPLE_BYTES <= bytes.length; start += stride) {
    for (let i = start; i < start + SAMPLE_BYTES; i += 1) {
      const byte = bytes[i] as number;
      counts[byte] = (counts[byte] as number) + 1;
    }
  }
  let total = 0;
  let squares = 0;
  for (const count of counts) {
    total += count;
    squares += count * count;
  }
  // Noise of `total` bytes has squares near total²/256 + total, give or take a tenth of `total`.
  return squares > (total * total) / 256 + total * NOISE_MARGIN;
}

/**
 * Many short samples: in pages of a database texts lie between embeddings. Prime, so that no page size is a multiple of
 * the stride.
 */
const SAMPLES = 61;
const SAMPLE_BYTES = 32;
const NOISE_MARGIN = 1.75;
const counts = new Uint32Array(256);
