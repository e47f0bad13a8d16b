/** How an open file is opened once more, for writing past the page cache. */

import { constants } from 'node:fs';

/** What `open` takes. */
export interface PastCache {
  readonly path: string;
  readonly flags: number;
}

/**
 * Another way to the file behind `descriptor`. By its number: its name may be a link to somebody else's file by now.
 *
 * @returns undefined where systems have no such way; where a file system has none, opening or writing fails.
 */
export function pastCache(descriptor: number): PastCache | undefined {
  // Absent on macOS and Windows, whatever the types say.
  const flag = constants.O_DIRECT as number | undefined;
  if (flag === undefined) return undefined;
  return { path: `/proc/self/fd/${descriptor}`, flags: constants.O_WRONLY | flag };
}
