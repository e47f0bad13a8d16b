/** The writer as a second process: started, stopped, ended. */

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** The running writer. */
export class WriterProcess {
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
  }

  /**
   * Starts it and waits for its first message.
   *
   * @throws Error when it ends before that.
   */
  static async start(chat: string, memory: string): Promise<WriterProcess> {
    const child = fork(new URL('./writer.js', import.meta.url), [chat, memory]);
    const ended = once(child, 'exit').then(() => Promise.reject(new Error('The writer ended at once')));
    ended.catch(() => undefined);
    await Promise.race([once(child, 'message'), ended]);
    return new WriterProcess(child);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /**
   * Makes it stop writing; its databases stay open.
   *
   * @returns how many messages it wrote.
   * @throws Error when it had ended before it was told to.
   */
  async stop(): Promise<number> {
    if (!this.#child.connected) throw new Error('The writer ended by itself');
    const answered = once(this.#child, 'message');
    this.#child.send('stop');
    const [count] = (await answered) as [number];
    return count;
  }

  /** Ends the process. */
  async end(): Promise<void> {
    if (!this.#child.connected) return;
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }
}
