/** Starts the process that seals the tokens of databases anew, and talks to it. */

import type { ChildProcess } from 'node:child_process';
import { NbakError } from '../../errors.js';
import { forkSilently } from '../silent-child.js';
import { inUse } from '../stop-check.js';
import type { RotationAnswer, RotationRequest } from './rotation-protocol.js';
import type { TokenTally } from './token-counter.js';

/** One such process. End it, however the rotation ends. */
export class RotationProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;

  constructor() {
    this.#child = forkSilently(new URL('./rotation-child.js', import.meta.url));
    this.#exited = new Promise((resolve) => {
      this.#child.once('error', () => resolve());
      this.#child.once('exit', () => resolve());
    });
  }

  /**
   * Sends one request and waits for its answer: the counts of every database.
   *
   * @throws NbakError `TARGET_IN_USE` where a database is locked, `TARGET_FAILED` where SQLite fails or the process
   *   ends.
   */
  async ask(request: RotationRequest): Promise<readonly (readonly TokenTally[])[]> {
    const answered = new Promise<RotationAnswer>((resolve) => {
      this.#child.once('message', (message) => resolve(message as RotationAnswer));
      // A failed send is followed by the exit.
      this.#child.send(request, () => undefined);
    });
    const ended = { failed: 'the databases', message: 'the process that writes them ended' } as const;
    const answer = await Promise.race([answered, this.#exited.then(() => ended)]);
    if ('tallies' in answer) return answer.tallies;
    if ('busy' in answer) throw inUse(`${answer.busy} is open in an application`, [answer.busy]);
    throw new NbakError(
      'TARGET_FAILED',
      `Cannot seal the tokens in ${answer.failed} anew: ${answer.message}`,
      {
        details: { path: answer.failed },
        hint: 'Remove the cause, then run it again.',
      },
    );
  }

  /** Lets it close its databases; what is not committed is rolled back. */
  async end(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    await this.#exited;
  }
}
