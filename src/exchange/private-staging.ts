/** A place for plaintext that nobody else sees and that no end of this process leaves behind. */

import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createPrivateDirectory, removePrivateDirectory } from '../source/sqlite/private-directory.js';

/** A private directory, mode 0700, watched by a process of its own; what a power cut leaves the next run removes. */
export class PrivateStaging implements Disposable {
  readonly path: string;
  readonly #sweeper: ChildProcess;

  /**
   * @param staging - an existing directory.
   * @throws NbakError `TARGET_FAILED` when it cannot be written.
   */
  constructor(staging: string) {
    this.path = createPrivateDirectory(staging);
    const program = fileURLToPath(new URL('./sweeper.js', import.meta.url));
    this.#sweeper = spawn(process.execPath, [program, this.path], {
      // In a session of its own: what kills a whole process group leaves it to do its work.
      detached: true,
      env: {},
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    // Without it, what a kill leaves behind waits for the next run.
    this.#sweeper.on('error', () => undefined);
    this.#sweeper.stdin?.on('error', () => undefined);
    this.#sweeper.unref();
  }

  [Symbol.dispose](): void {
    removePrivateDirectory(this.path);
    this.#sweeper.stdin?.destroy();
  }
}
