/** How fast a run goes at the moment, and how long it still takes: by its last seconds, as its phases differ. */

const WINDOW_MS = 10_000;
/** Less says nothing. */
const LEAST_MS = 500;

/** The pace of one run. */
export class Pace {
  readonly #samples: { readonly at: number; readonly done: number }[] = [];

  /** Says that `done` bytes were done at `now` milliseconds. */
  add(now: number, done: number): void {
    this.#samples.push({ at: now, done });
    // One sample older than the window stays: from it on the window is measured.
    while ((this.#samples[1]?.at ?? now) < now - WINDOW_MS) this.#samples.shift();
  }

  /** Bytes per second; undefined until that can be said. */
  get rate(): number | undefined {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || last.at - first.at < LEAST_MS) return undefined;
    return (Math.max(0, last.done - first.done) * 1000) / (last.at - first.at);
  }

  /** Milliseconds until `total` bytes are done; undefined until that can be said, or while nothing moves. */
  left(total: number): number | undefined {
    const { rate } = this;
    const last = this.#samples.at(-1);
    if (rate === undefined || rate === 0 || last === undefined) return undefined;
    return (Math.max(0, total - last.done) * 1000) / rate;
  }
}
