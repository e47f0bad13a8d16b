/** Times of the filesystem: their split, and how long one must wait before an unchanged time proves anything. */
import type { Timestamp } from '../format/entry.js';

/**
 * Linux stamps files from a clock that moves once per tick (at most 10 ms): two writes in one tick leave the same
 * mtime and ctime. A stat proves "nothing since" only when the times it shows are older than this.
 */
export const CLOCK_TICK_MS = 20;

const BILLION = 1_000_000_000n;

/** Splits nanoseconds since 1970 (also negative) into a {@link Timestamp}. */
export function timestampFromNanoseconds(total: bigint): Timestamp {
  const nanoseconds = ((total % BILLION) + BILLION) % BILLION;
  return { seconds: Number((total - nanoseconds) / BILLION), nanoseconds: Number(nanoseconds) };
}

/** The {@link Timestamp} nearest to milliseconds since 1970 as a walk has them: good to a quarter of a microsecond. */
export function timestampFromMilliseconds(milliseconds: number): Timestamp {
  return timestampFromNanoseconds(BigInt(Math.round(milliseconds * 1e6)));
}

/** A time as Node's Stats give it: the same sum, so the same to the last bit. */
export function milliseconds({ seconds, nanoseconds }: Timestamp): number {
  return seconds * 1000 + nanoseconds / 1_000_000;
}

/** Milliseconds to wait until a stat that shows `ctimeNs` proves stillness; 0 when it already does. */
export function settleMilliseconds(ctimeNs: bigint, nowMs: number): number {
  const age = nowMs - Number(ctimeNs / 1_000_000n);
  // A ctime in the future (the clock was set back) differs from any that a write would leave now.
  if (age >= CLOCK_TICK_MS || age < -CLOCK_TICK_MS) return 0;
  return CLOCK_TICK_MS - age;
}

/** Blocks this thread for `milliseconds`; for short waits between synchronous calls. */
export function sleepSync(milliseconds: number): void {
  if (milliseconds > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
