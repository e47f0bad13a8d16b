/** Worker threads that all run one handler: each request goes to the thread with the least to do. */

import { Worker } from 'node:worker_threads';
import { NbakError } from '../errors.js';
import { CLOSE, reviveError, type Answer, type Asked } from './messages.js';

/** What answers requests: made once per thread from its start data. */
export type Handler<Request, Response> = (request: Request) => Response;

/** What a pool is made of. */
export interface PoolParts<Start, Request, Response> {
  /** Threads; 0 answers in the caller's thread. */
  readonly threads: number;
  /** The module that calls `serve` with the same handler. */
  readonly module: URL;
  /** Start data of each thread; must be cloneable. */
  readonly startOf: (lane: number) => Start;
  /** Makes the handler, for `threads: 0`. */
  readonly makeHandler: (start: Start) => Handler<Request, Response>;
}

/** Threads that answer requests. */
export interface ThreadPool<Request, Response> {
  /** How many requests are worth having under way: two for each thread, so that none waits for this one. */
  readonly width: number;
  /**
   * Asks the thread with the least to do.
   *
   * @param transfer - buffers that the request gives away.
   * @throws NbakError what the handler threw, `INTERNAL` when the thread died.
   */
  ask(request: Request, transfer?: readonly ArrayBuffer[]): Promise<Response>;
  /** Asks one thread, from 0 to `threads` − 1: for what it keeps between requests. */
  askLane(lane: number, request: Request): Promise<Response>;
  /** Starts all threads, so that they are ready when the first request comes. */
  start(): void;
  /** Resolves when all threads have answered what they were asked and are gone. */
  close(): Promise<void>;
}

interface Pending<Response> {
  readonly resolve: (response: Response) => void;
  readonly reject: (error: Error) => void;
}

/** Threads work on buffers and keep few objects: the default would let garbage fill 48 MiB in each. Semispaces of 1 MiB. */
const YOUNG_GENERATION = { maxYoungGenerationSizeMb: 3 };

class Member<Request, Response> {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending<Response>>();
  readonly #exited: Promise<void>;
  #nextId = 0;
  /** Why the thread is gone; then it takes no more work. */
  #dead: Error | undefined;

  constructor(module: URL, start: unknown) {
    this.#worker = new Worker(module, { workerData: start, resourceLimits: YOUNG_GENERATION });
    this.#worker.on('message', ({ id, ...answer }: Answer<Response>) => {
      const waiting = this.#pending.get(id);
      this.#pending.delete(id);
      if ('error' in answer) waiting?.reject(reviveError(answer.error));
      else waiting?.resolve(answer.response);
    });
    this.#worker.on('messageerror', (error) => this.#fail('its answer could not be read', error));
    this.#worker.on('error', (error) => this.#fail('it crashed', error));
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        this.#fail('it stopped');
        resolve();
      });
    });
  }

  get load(): number {
    return this.#pending.size;
  }

  ask(request: Request, transfer: readonly ArrayBuffer[]): Promise<Response> {
    if (this.#dead !== undefined) return Promise.reject(this.#dead);
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ id, request } satisfies Asked<Request>, [...transfer]);
    });
  }

  /** Never `terminate`: it ends the whole process when it meets a thread that is loading a native package. */
  close(): Promise<void> {
    this.#worker.postMessage(CLOSE);
    return this.#exited;
  }

  #fail(why: string, cause?: unknown): void {
    const error = new NbakError('INTERNAL', `A worker thread failed: ${why}`, { cause });
    this.#dead ??= error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

/** Makes a pool; each thread starts with its first request, or with `start`. */
export function threadPool<Start, Request, Response>({
  threads,
  module,
  startOf,
  makeHandler,
}: PoolParts<Start, Request, Response>): ThreadPool<Request, Response> {
  if (threads === 0) return inlinePool(() => makeHandler(startOf(0)));
  const members: Member<Request, Response>[] = [];
  let closed = false;
  const member = (lane: number): Member<Request, Response> => {
    // A thread started now would keep the process alive for ever.
    if (closed) throw new NbakError('INTERNAL', 'A worker thread was asked after all were stopped');
    return (members[lane] ??= new Member<Request, Response>(module, startOf(lane)));
  };
  const idlestLane = (): number => {
    let least = 0;
    for (let lane = 1; lane < threads; lane += 1) {
      if ((members[lane]?.load ?? 0) < (members[least]?.load ?? 0)) least = lane;
    }
    return least;
  };
  return {
    width: threads * 2,
    ask: async (request, transfer = []) => member(idlestLane()).ask(request, transfer),
    askLane: async (lane, request) => member(lane).ask(request, []),
    start() {
      for (let lane = 0; lane < threads; lane += 1) member(lane);
    },
    async close() {
      closed = true;
      await Promise.all(members.map((each) => each.close()));
    },
  };
}

function inlinePool<Request, Response>(
  make: () => Handler<Request, Response>,
): ThreadPool<Request, Response> {
  let handler: Handler<Request, Response> | undefined;
  // Asynchronous, so that a failure is a rejection here too.
  const ask = async (request: Request): Promise<Response> => {
    await Promise.resolve();
    handler ??= make();
    return handler(request);
  };
  return {
    width: 1,
    ask,
    askLane: (_, request) => ask(request),
    start: () => undefined,
    close: () => Promise.resolve(),
  };
}
