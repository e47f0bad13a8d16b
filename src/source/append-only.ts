/** Logs to which lines are only ever added: how much of one is whole while somebody writes the last line. */

import { readAt } from './read-file.js';

const LINE_END = 0x0a;
/** Bytes of an open file that are looked at, from its end. */
const TAIL_BYTES = 1024 * 1024;

/**
 * The length of `bytes` without a torn last line. A last line without its end is whole where it is JSON: some writers
 * put line ends between lines.
 */
export function wholeLength(bytes: Uint8Array): number {
  if (bytes.length === 0 || bytes.at(-1) === LINE_END) return bytes.length;
  const start = bytes.lastIndexOf(LINE_END) + 1;
  return isJson(bytes.subarray(start)) ? bytes.length : start;
}

/**
 * As {@link wholeLength} of the first `size` bytes of an open file. A last line of more than 1 MiB is taken as it is.
 *
 * @throws NbakError `SOURCE_UNREADABLE`.
 */
export function wholeFileLength(
  file: { readonly descriptor: number; readonly path: Uint8Array },
  size: number,
): number {
  const start = Math.max(0, size - TAIL_BYTES);
  const tail = new Uint8Array(size - start);
  const filled = tail.subarray(0, readAt(file, tail, start));
  if (start > 0 && !filled.includes(LINE_END)) return size;
  return start + wholeLength(filled);
}

function isJson(line: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line));
    return true;
  } catch {
    return false;
  }
}
