/** The integrity of a database that was restored, found out in a thread of its own (§22.4). */

import { Worker } from 'node:worker_threads';
import type { IntegrityVerdict } from '../source/sqlite/integrity.js';

/** Checks databases one after the other, beside the restore. */
export class DatabaseChecker {
  #worker: Worker | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  /**
   * Runs `integrity_check` on a file that nobody else has open. SQLite may create sidecars beside it and removes
   * them again.
   */
  check(path: string): Promise<IntegrityVerdict> {
    const result = this.#queue.then(() => this.#ask(path));
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async close(): Promise<void> {
    await this.#queue;
    await this.#worker?.terminate();
  }

  #ask(path: string): Promise<IntegrityVerdict> {
    const worker = (this.#worker ??= new Worker(new URL('./database-check-worker.js', import.meta.url)));
    return new Promise((resolve, reject) => {
      const answered = (verdict: IntegrityVerdict): void => {
        worker.off('error', failed);
        worker.off('exit', stopped);
        resolve(verdict);
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
      worker.postMessage(path);
    });
  }
}
