/** One log of a server: lines with times, levels, paths, ids and some prose; 1 GB at scale 1. */

import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { CorpusPlan } from './corpus.js';
import { Seeded } from './seeded.js';
import { text } from './text.js';

const BYTES = 1_000_000_000;
const BLOCK_BYTES = 4 * 1024 * 1024;
const MOST_LINE_BYTES = 1024;
const START = Date.UTC(2026, 0, 1);
const LEVELS = ['DEBUG', 'INFO ', 'INFO ', 'INFO ', 'INFO ', 'WARN ', 'ERROR'];
const ROUTES = ['chats', 'messages', 'uploads', 'embeddings', 'notes', 'agents', 'tools', 'health'];
const METHODS = ['GET', 'GET', 'GET', 'POST', 'PUT', 'DELETE'];
const STATUS = [200, 200, 200, 200, 201, 204, 304, 404, 500];

/** The text corpus at `scale`. */
export function textPlan(scale: number): CorpusPlan {
  const bytes = BYTES * scale;
  return {
    name: 'text',
    make(directory) {
      const random = new Seeded('text');
      const descriptor = openSync(join(directory, 'server.log'), 'w');
      const block = Buffer.alloc(BLOCK_BYTES + MOST_LINE_BYTES);
      let time = START;
      let second = '';
      for (let written = 0; written < bytes;) {
        let filled = 0;
        while (filled < BLOCK_BYTES) {
          const step = random.below(400);
          if (second === '' || (time % 1000) + step >= 1000)
            second = new Date(time + step).toISOString().slice(0, 20);
          time += step;
          filled += block.write(
            `${second}${String(time % 1000).padStart(3, '0')}Z ${line(random)}`,
            filled,
            'latin1',
          );
        }
        written += writeSync(descriptor, block, 0, filled);
      }
      closeSync(descriptor);
    },
    expected: { files: [1, 1], bytes: [bytes, bytes + 2 * BLOCK_BYTES] },
  };
}

/** A line behind its time. */
function line(random: Seeded): string {
  const pick = <T>(from: readonly T[]): T => from[random.below(from.length)] as T;
  const request = (random.below(2 ** 31) * 2).toString(16).padStart(8, '0');
  const start = `${pick(LEVELS)} [worker-${random.below(8)}] ${request}`;
  if (random.below(4) === 0) return `${start} ${text(random, 40 + random.below(120))}\n`;
  const route = `${pick(METHODS)} /api/${pick(ROUTES)}/${random.below(100_000)}`;
  return `${start} ${route} ${pick(STATUS)} ${random.below(2000)}ms ${random.below(60_000)} bytes\n`;
}
