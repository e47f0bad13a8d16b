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
  const answer = async ({ id, request }: Asked<Request>): Promise<void> => {
    const send = (message: Answer<Response>, transfer: readonly ArrayBuffer[]): void =>
      parentPort?.postMessage(message, [...transfer]);
    try {
      const response = await handler(request);
      send({ id, response }, transferOf(response));
    } catch (error) {
      send({ id, error: sendableError(error) }, []);
    }
  };
  const answering = new Set<Promise<void>>();
  parentPort?.on('message', (message: Asked<Request> | typeof CLOSE) => {
    if (message === CLOSE) {
      void Promise.all(answering).then(() => parentPort?.close());
      return;
    }
    const answered = answer(message).finally(() => answering.delete(answered));
    answering.add(answered);
  });
}
