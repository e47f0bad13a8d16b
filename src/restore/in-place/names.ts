/** Times in names and texts of a restore over a directory. */

/** RFC 3339 without fractions, for people. */
export function formatUtc(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** `20261120T223151Z`, for names. */
export function compactUtc(ms: number): string {
  return formatUtc(ms).replaceAll(/[-:]/g, '');
}
