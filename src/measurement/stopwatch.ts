/** Adds up what each stage takes. */

import { STAGES, type Stage, type StageTime } from './result.js';

/** Times and bytes of the stages. */
export class Stopwatch {
  readonly #sums = new Map<Stage, { bytes: number; durationMs: number }>();

  /** Runs `work` as a part of `stage` that takes in `bytes`. */
  time<T>(stage: Stage, bytes: number, work: () => T): T {
    const startedAt = performance.now();
    const result = work();
    this.add(stage, bytes, performance.now() - startedAt);
    return result;
  }

  /** As {@link time}, for work that waits. */
  async wait(stage: Stage, bytes: number, work: () => Promise<void>): Promise<void> {
    const startedAt = performance.now();
    await work();
    this.add(stage, bytes, performance.now() - startedAt);
  }

  /** Adds to a stage what was timed elsewhere. */
  add(stage: Stage, bytes: number, durationMs: number): void {
    const sum = this.#sums.get(stage) ?? { bytes: 0, durationMs: 0 };
    this.#sums.set(stage, { bytes: sum.bytes + bytes, durationMs: sum.durationMs + durationMs });
  }

  /** The stages in their order. */
  stages(): readonly StageTime[] {
    return STAGES.map((stage) => {
      const { bytes, durationMs } = this.#sums.get(stage) ?? { bytes: 0, durationMs: 0 };
      return { stage, bytes, durationMs, bytesPerSecond: rate(bytes, durationMs) };
    });
  }
}

/** Bytes per second; 0 where nothing was timed. */
export function rate(bytes: number, durationMs: number): number {
  return durationMs > 0 ? (bytes * 1000) / durationMs : 0;
}
