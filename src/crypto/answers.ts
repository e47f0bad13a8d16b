/** The memory in which node:crypto gives its answers. */

import type { MessagePort } from 'node:worker_threads';

let closed: MessagePort | undefined;

/**
 * Frees what an answer lies in once it has been copied. A cipher gives each in new memory, and there would be as much
 * of it as there is data before the collector comes: pages that the kernel clears, and takes back, again and again.
 *
 * @param answer - what a cipher returned; detached, and so empty, afterwards.
 */
export function freeAnswer(answer: Uint8Array<ArrayBuffer>): void {
  const { buffer } = answer;
  // What shares its memory with others is not ours to give away.
  if (buffer.byteLength !== answer.length) return;
  closed ??= closedPort();
  // What is given away with a message that nobody gets is freed at once (HTML, "message port post message steps").
  closed.postMessage(undefined, [buffer]);
}

function closedPort(): MessagePort {
  // The global one, which is loaded when it is used: not every command seals anything.
  const { port1 } = new MessageChannel();
  port1.close();
  return port1;
}
