/** What becomes of memory that this process frees. */

import { MessageChannel } from 'node:worker_threads';

/** The most that glibc takes an example by: `DEFAULT_MMAP_THRESHOLD_MAX` less what a chunk needs for itself. */
const EXAMPLE_BYTES = 32 * 1024 * 1024 - 64 * 1024;

let isKept = false;

/**
 * Lets this process keep what it frees. Ciphers give each answer in new memory, and the collector frees many at once:
 * glibc would give the pages back, and have them cleared anew by the kernel for the next ones, at half the cost of
 * decrypting. It stops that for blocks as long as one that was freed (mallopt(3), `M_MMAP_THRESHOLD`). Elsewhere it
 * changes nothing.
 */
export function keepFreedMemory(): void {
  if (isKept) return;
  isKept = true;
  const { port1 } = new MessageChannel();
  port1.close();
  const example = new ArrayBuffer(EXAMPLE_BYTES);
  // Who closed a port gets no messages, and what was given away with them is freed at once. Nobody touched its pages.
  port1.postMessage(example, [example]);
}
