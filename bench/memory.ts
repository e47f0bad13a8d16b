/** Peak memory of a program: of its largest process, children counted. */

import { readdirSync, readFileSync } from 'node:fs';

const POLL_MS = 20;
/** Children are looked for less often than memory is read: they live for long, and looking costs a directory. */
const POLLS_PER_SEARCH = 5;

/**
 * Watches a process until {@link MemoryWatch.stop}. The kernel keeps the peak of each process (VmHWM, all threads), so
 * that polling misses only what a process takes in its last 20 ms.
 */
export class MemoryWatch {
  readonly #root: number;
  readonly #timer: NodeJS.Timeout;
  #pids: readonly number[];
  #polls = 0;
  #peakKiB = 0;

  constructor(pid: number) {
    this.#root = pid;
    this.#pids = [pid];
    this.#timer = setInterval(() => this.#poll(), POLL_MS);
  }

  /** Ends the watch. @returns the peak in MiB. */
  stop(): number {
    clearInterval(this.#timer);
    return this.#peakKiB / 1024;
  }

  #poll(): void {
    if (this.#polls % POLLS_PER_SEARCH === 0) this.#pids = withDescendants(this.#root);
    this.#polls += 1;
    for (const pid of this.#pids) this.#peakKiB = Math.max(this.#peakKiB, peakOf(pid));
  }
}

/** A process and all below it, as the kernel lists them: each thread has its own children. */
function withDescendants(pid: number): readonly number[] {
  const children = attempt(() => readdirSync(`/proc/${pid}/task`), []).flatMap((thread) =>
    attempt(() => readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1'), '')
      .split(' ')
      .filter((text) => text !== ''),
  );
  return [pid, ...children.flatMap((child) => withDescendants(Number(child)))];
}

function peakOf(pid: number): number {
  const status = attempt(() => readFileSync(`/proc/${pid}/status`, 'latin1'), '');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0);
}

/** Processes end while they are looked at. */
function attempt<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
