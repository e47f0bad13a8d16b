/** zstd through libzstd, loaded on first use (§5.4). Callers have checked a frame's headers before they decompress. */

import { createRequire } from 'node:module';
import type * as Binding from 'zstd-napi/binding.js';
import { rawLiterals } from './literals.js';
import { suitsHuffman } from './noise.js';

const require = createRequire(import.meta.url);
const loadBinding = (): typeof Binding => require('zstd-napi/binding.js') as typeof Binding;

/**
 * What is compressed, since it matters more than the level. Measured on chat text with embeddings, notes, logs, code
 * and programs: where noise lies between short texts, looking for matches of 4 bytes in one table gives what level 3
 * gives, a quarter faster; in bundles of text, matches of 6 bytes give 2 % more, in half the time; for everything
 * longer, zstd's own default is best, by a tenth on code.
 */
const SETTINGS = {
  pages: { compressionLevel: 1, minMatch: 4, hashLog: 16 },
  // A target length, in zstd's fast strategy, leaves literals as they are.
  noisyPages: { compressionLevel: 1, minMatch: 4, hashLog: 16, targetLength: 1 },
  bundle: { compressionLevel: 1, minMatch: 6, hashLog: 16 },
  any: { compressionLevel: 3 },
} as const satisfies Record<string, Partial<Record<keyof typeof Binding.CParameter, number>>>;

/** What is compressed: pages of a database, small files in a bundle, or anything else. */
export type Matter = 'pages' | 'bundle' | 'any';
type Setting = keyof typeof SETTINGS;

let binding: typeof Binding | undefined;
const compressors = new Map<Setting, Binding.CCtx>();
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
  const frame = matter === 'pages' ? compressedPages(bytes) : compressed(bytes, matter);
  return frame.length < bytes.length ? frame : undefined;
}

/** Whether the last pages' literals were noise: most likely, the next ones' are what theirs were. */
let isNoisy = false;

/**
 * Between the texts of many databases lie embeddings: what zstd finds no match for is noise, and trying Huffman's code
 * on it in vain takes a quarter of its time.
 */
function compressedPages(bytes: Uint8Array): Uint8Array {
  if (isNoisy) {
    const frame = compressed(bytes, 'noisyPages');
    if (hasNoise(frame)) return frame;
  }
  const frame = compressed(bytes, 'pages');
  isNoisy = hasNoise(frame);
  return frame;
}

function hasNoise(frame: Uint8Array): boolean {
  const literals = rawLiterals(frame);
  return literals !== undefined && !suitsHuffman(literals);
}

function compressed(bytes: Uint8Array, setting: Setting): Uint8Array {
  binding ??= loadBinding();
  const compressor = compressors.get(setting) ?? makeCompressor(binding, setting);
  const most = binding.compressBound(bytes.length);
  if (scratch.length < most) scratch = new Uint8Array(most);
  return scratch.subarray(0, compressor.compress2(scratch, bytes));
}

function makeCompressor({ CCtx, CParameter }: typeof Binding, setting: Setting): Binding.CCtx {
  const compressor = new CCtx();
  for (const [name, value] of Object.entries(SETTINGS[setting]))
    compressor.setParameter(CParameter[name as keyof typeof CParameter], value);
  compressors.set(setting, compressor);
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
