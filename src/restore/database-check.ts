/** The integrity of a database that was restored, found out in a thread of its own (§22.4). */

import { Worker } from 'node:worker_threads';

/** What `integrity_check` says of a restored database. */
export type DatabaseVerdict = 'ok' | 'not-checkable' | 'failed';

/** A verdict with SQLite's words. */
export interface DatabaseCheck {
  readonly verdict: DatabaseVerdict;
  readonly message: string;
}

/** Checks databases one after the other, beside the restore. */
export class DatabaseChecker {
  #worker: Worker | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  /**
   * Runs `integrity_check` on a file that nobody else has open. SQLite may create sidecars beside it and removes
   * them again.
   */
  check(path: string): Promise<DatabaseCheck> {
    const result = this.#queue.then(() => this.#ask(path));
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async close(): Promise<void> {
    await this.#queue;
    await this.#worker?.terminate();
  }

  #ask(path: string): Promise<DatabaseCheck> {
    const worker = (this.#worker ??= new Worker(new URL('./database-check-worker.js', import.meta.url)));
    return new Promise((resolve, reject) => {
      const done = (settle: () => void): void => {
        worker.removeAllListeners();
        settle();
      };
      worker.once('message', (check: DatabaseCheck) => done(() => resolve(check)));
      worker.once('error', (error) => done(() => reject(error)));
      worker.postMessage(path);
    });
  }
}
