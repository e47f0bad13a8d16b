/** Starts the capture process and talks to it. */
import type { ChildProcess } from 'node:child_process';
import { NbakError } from '../../errors.js';
import { forkSilently } from '../silent-child.js';
import type { AnswerMessage, RequestKind, Requests } from './protocol.js';

const EXIT_WAIT_MS = 3000;

interface Waiting {
  readonly resolve: (answer: Requests[RequestKind]['answer']) => void;
  readonly reject: (error: Error) => void;
}

/** An error that SQLite reported in the capture process; `code` is its name there, '' for other errors. */
export class CaptureProcessError extends Error {
  override readonly name = 'CaptureProcessError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** One running capture process. */
export class CaptureProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exited: Promise<void>;
  #nextId = 1;
  #failure: NbakError | undefined;
  #isEnding = false;

  /** Starts it; `directory` is removed by it when this process dies. */
  constructor(directory: string) {
    this.#child = forkSilently(new URL('./child.js', import.meta.url), [directory], {
      SQLITE_TMPDIR: directory,
    });
    this.#child.on('message', (message: AnswerMessage) => this.#settle(message));
    this.#exited = new Promise((resolve) => {
      this.#child.on('error', (error) => {
        // Of a process that did start, its exit tells more than a broken pipe.
        if (this.#child.pid !== undefined) return;
        this.#fail(`could not be started: ${error.message}`);
        resolve();
      });
      this.#child.once('exit', (code, signal) => {
        this.#fail(`ended unexpectedly (${signal ?? `status ${code ?? 'unknown'}`})`);
        resolve();
      });
    });
  }

  /**
   * Sends one request and waits for its answer.
   *
   * @throws CaptureProcessError what SQLite said; NbakError `SOURCE_UNREADABLE` when the process is gone.
   */
  ask<Kind extends RequestKind>(
    kind: Kind,
    body: Requests[Kind]['request'],
  ): Promise<Requests[Kind]['answer']> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const id = this.#nextId++;
    return new Promise<Requests[RequestKind]['answer']>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      // A failed send is followed by the exit, which settles everything.
      this.#child.send({ id, kind, body }, () => undefined);
    });
  }

  /** Lets it close its connections and exit; kills it when that takes more than 3 s. */
  async end(): Promise<void> {
    this.#isEnding = true;
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), EXIT_WAIT_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  /** Kills it, whatever it is doing; locks and private files go with it. */
  async kill(error: NbakError): Promise<void> {
    this.#failure ??= error;
    this.#isEnding = true;
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  #settle(message: AnswerMessage): void {
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if ('answer' in message) waiting?.resolve(message.answer);
    else waiting?.reject(new CaptureProcessError(message.error.code, message.error.message));
  }

  #fail(what: string): void {
    this.#failure ??= new NbakError(
      'SOURCE_UNREADABLE',
      this.#isEnding ? 'The capture is closed' : `The process that copies databases ${what}`,
      { hint: 'Databases not yet copied are missing from this backup; run it again.' },
    );
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}
