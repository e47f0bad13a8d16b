/** Makes memory and page cache the same for everybody before a run. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** More than a run of any program at scale 1 asks the kernel for while the last touched memory is still there. */
const MOST_BYTES = 3 * 2 ** 30;
const PART_OF_AVAILABLE = 0.75;

/** What a run is to find. */
export interface Warmth {
  /** A file or directory that it will read. */
  readonly reads: string;
  /** Of the corpora. */
  readonly scale: number;
}

/**
 * Writes out what waits for the disk, touches memory, and reads what a run will read.
 *
 * @remarks Hosts of virtual machines take free memory back within seconds, and some take what has lain in the page
 *   cache for a minute. To get it again costs 2 s per GB: more than a backup, and chance says whose run pays for it.
 */
export function warmUp({ reads, scale }: Warmth): void {
  execFileSync('sync');
  const bytes = Math.min(MOST_BYTES * scale, availableBytes() * PART_OF_AVAILABLE);
  const touch = `for (let left = ${bytes}, kept = []; left > 0; left -= 2 ** 26) kept.push(Buffer.alloc(2 ** 26, 1));`;
  execFileSync(process.execPath, ['-e', touch]);
  execFileSync('find', [reads, '-type', 'f', '-exec', 'cat', '{}', '+'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

function availableBytes(): number {
  const [, kibibytes = '0'] = /MemAvailable:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'latin1')) ?? [];
  return Number(kibibytes) * 1024;
}
