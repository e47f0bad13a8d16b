/** What a database that was restored is like, found out in a thread of its own (§22.4). */

import { Worker } from 'node:worker_threads';
import type { DatabaseAnswer, DatabaseQuestion } from './database-question.js';

/** Checks databases one after the other, beside the restore. */
export class DatabaseChecker {
  #worker: Worker | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  /**
   * Looks at a file that nobody else has open. SQLite may create sidecars beside it and removes
   * them again.
   */
  check(question: DatabaseQuestion): Promise<DatabaseAnswer> {
    const result = this.#queue.then(() => this.#ask(question));
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async close(): Promise<void> {
    await this.#queue;
    await this.#worker?.terminate();
  }

  #ask(question: DatabaseQuestion): Promise<DatabaseAnswer> {
    const worker = (this.#worker ??= new Worker(new URL('./database-check-worker.js', import.meta.url)));
    return new Promise((resolve, reject) => {
      const answered = (answer: DatabaseAnswer): void => {
        worker.off('error', failed);
        worker.off('exit', stopped);
        resolve(answer);
      };
      const failed = (error: Error): void => {
        worker.off('message', answered);
        worker.off('exit', stopped);
        this.#worker = undefined;
        reject(error);
      };
      const stopped = (): void => failed(new Error('The thread that checks databases stopped'));
      // Not removeAllListeners: the Worker listens to itself, and the second answer would never come.
      worker.once('message', answered);
      worker.once('error', failed);
      worker.once('exit', stopped);
      worker.postMessage(question);
    });
  }
}
