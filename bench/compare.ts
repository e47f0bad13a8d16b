/** Compares a restore with its source: what is not equal makes every number worthless. */

import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow } from './corpora/corpus.js';

const BUFFERS = [Buffer.alloc(4 * 1024 * 1024), Buffer.alloc(4 * 1024 * 1024)] as const;
const DATABASE_MAGIC = 'SQLite format 3\0';
/** What SQLite's own backup sets anew: the change counter, and at the end of the header which version set it. */
const COUNTERS = [
  [24, 28],
  [92, 100],
] as const;

/** Compares paths and content of all files. @throws Error that names the first difference. */
export function assertEqual(source: string, restored: string): void {
  const [expected, found] = [filesBelow(source), filesBelow(restored)];
  expected.forEach((path, i) => {
    if (found[i] !== path) throw new Error(`${restored} has ${found[i] ?? 'nothing'} in place of ${path}`);
    assertFilesEqual(join(source, path), join(restored, path));
  });
  if (found.length > expected.length) throw new Error(`${restored} has more files than ${source}`);
}

function assertFilesEqual(source: string, restored: string): void {
  const descriptors = [openSync(source, 'r'), openSync(restored, 'r')] as const;
  try {
    for (let at = 0; ;) {
      const [ours, theirs] = descriptors.map((descriptor, i) => {
        const buffer = BUFFERS[i as 0 | 1];
        return buffer.subarray(0, readSync(descriptor, buffer, 0, buffer.length, at));
      }) as [Buffer, Buffer];
      if (at === 0 && ours.toString('latin1', 0, 16) === DATABASE_MAGIC) {
        for (const bytes of [ours, theirs]) for (const [start, end] of COUNTERS) bytes.fill(0, start, end);
      }
      if (!ours.equals(theirs)) throw new Error(`${restored} is not equal to ${source}`);
      if (ours.length === 0) return;
      at += ours.length;
    }
  } finally {
    for (const descriptor of descriptors) closeSync(descriptor);
  }
}
