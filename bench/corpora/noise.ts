/** One large file that does not compress: 8 GB at scale 1. */

import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { CorpusPlan } from './corpus.js';
import { Seeded } from './seeded.js';

const BYTES = 8_000_000_000;
const BLOCK_BYTES = 8 * 1024 * 1024;

/** The corpus of one large file at `scale`. */
export function bigPlan(scale: number): CorpusPlan {
  const bytes = Math.round(BYTES * scale);
  return {
    name: 'big',
    make(directory) {
      const random = new Seeded('big');
      const descriptor = openSync(join(directory, 'model.bin'), 'w');
      const block = Buffer.alloc(BLOCK_BYTES);
      for (let left = bytes; left > 0; left -= BLOCK_BYTES) {
        random.fill(block);
        writeSync(descriptor, block, 0, Math.min(left, BLOCK_BYTES));
      }
      closeSync(descriptor);
    },
    expected: { files: [1, 1], bytes: [bytes, bytes] },
  };
}
