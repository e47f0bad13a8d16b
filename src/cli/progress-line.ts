/** One line on the terminal that says how far a run is, how fast and how long still; nothing anywhere else. */

import { Pace } from './pace.js';
import { formatBytes, formatDuration } from './terminal.js';

/** Bytes done of a total, and what is going on. */
export interface ProgressState {
  readonly label: string;
  readonly done: number;
  readonly total: number;
}

const BAR_WIDTH = 24;
const REDRAW_MS = 100;

/** Draws progress on stderr if that is a terminal; the line goes when it is disposed of, so also before an error. */
export class ProgressLine implements Disposable {
  readonly #enabled: boolean;
  readonly #pace = new Pace();
  #drawnAt = 0;

  /** @param quiet - never draws. */
  constructor(quiet: boolean) {
    this.#enabled = !quiet && process.stderr.isTTY;
  }

  update({ label, done, total }: ProgressState): void {
    const now = Date.now();
    if (!this.#enabled || now - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = now;
    this.#pace.add(now, done);
    const part = total === 0 ? 0 : Math.min(1, done / total);
    const bar = '█'.repeat(Math.round(part * BAR_WIDTH)).padEnd(BAR_WIDTH, '░');
    const rate = this.#pace.rate;
    const left = this.#pace.left(total);
    const text = [
      `${label} ${bar} ${(part * 100).toFixed(0).padStart(3)} %`,
      ...(rate === undefined ? [] : [`${formatBytes(rate)}/s`]),
      ...(left === undefined ? [] : [`${formatDuration(left)} left`]),
    ].join('  ');
    process.stderr.write(`\r\u001b[K${text.slice(0, (process.stderr.columns || 80) - 1)}`);
  }

  /** Clears the line. */
  end(): void {
    if (this.#enabled && this.#drawnAt > 0) process.stderr.write('\r\u001b[K');
    this.#drawnAt = 0;
  }

  [Symbol.dispose](): void {
    this.end();
  }
}
