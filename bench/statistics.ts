/** What is made of several runs. */

/** The median of some numbers; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

/** The median of `above[i] / below[i]`: machines drift, and what ran side by side met the same machine. */
export function medianRatio(above: readonly number[], below: readonly number[]): number {
  return median(below.map((value, i) => (above[i] ?? Number.NaN) / value));
}

/** A number with as many decimals as help. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
