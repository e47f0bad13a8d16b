/** The side of a worker thread: answers what its pool asks. */

import { parentPort, workerData } from 'node:worker_threads';
import { CLOSE, sendableError, type Answer, type Asked } from './messages.js';
import type { Handler } from './thread-pool.js';

/**
 * Serves a pool from a worker thread's module.
 *
 * @param makeHandler - as in the pool's parts.
 * @param transferOf - buffers that a response gives away.
 */
export function serve<Request, Response>(
  makeHandler: (start: never) => Handler<Request, Response>,
  transferOf: (response: Response) => readonly ArrayBuffer[] = () => [],
): void {
  const handler = makeHandler(workerData as never);
  parentPort?.on('message', (message: Asked<Request> | typeof CLOSE) => {
    if (message === CLOSE) {
      parentPort?.close();
      return;
    }
    const { id, request } = message;
    let answer: Answer<Response>;
    let transfer: readonly ArrayBuffer[] = [];
    try {
      const response = handler(request);
      answer = { id, response };
      transfer = transferOf(response);
    } catch (error) {
      answer = { id, error: sendableError(error) };
    }
    parentPort?.postMessage(answer, [...transfer]);
  });
}
