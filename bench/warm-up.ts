/** Memory that a virtual machine has not given out yet costs far more to touch: it is touched before anything is timed. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** What a run at scale 1 uses at one time: sources, repositories and restores in the page cache. */
const MOST_BYTES = 16 * 2 ** 30;
const PART_OF_AVAILABLE = 0.75;

/**
 * Fills most of the free memory once, in a process that then ends, and writes out what waits for the disk.
 *
 * @param scale - of the corpora.
 */
export function warmUp(scale: number): void {
  const bytes = Math.min(MOST_BYTES * scale, availableBytes() * PART_OF_AVAILABLE);
  const script = `for (let left = ${bytes}, kept = []; left > 0; left -= 2 ** 26) kept.push(Buffer.alloc(2 ** 26, 1));`;
  execFileSync(process.execPath, ['-e', script]);
  execFileSync('sync');
}

function availableBytes(): number {
  const [, kibibytes = '0'] = /MemAvailable:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'latin1')) ?? [];
  return Number(kibibytes) * 1024;
}
