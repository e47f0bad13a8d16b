/** Paths compared as the system sees them. */

import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** The real path of the nearest part of `path` that exists, with the rest behind it. */
export function realPathOf(path: string): string {
  try {
    return realpathSync(resolve(path));
  } catch {
    const parent = dirname(resolve(path));
    return parent === resolve(path) ? parent : join(realPathOf(parent), basename(path));
  }
}

/** The nearest directory that exists, at `path` or above. */
export function nearestExisting(path: string): string {
  try {
    return realpathSync(resolve(path));
  } catch {
    return nearestExisting(dirname(resolve(path)));
  }
}

/** Says whether `path` is `directory` or lies in it. */
export function isWithin(path: string, directory: string): boolean {
  const [inner, outer] = [realPathOf(path), realPathOf(directory)];
  return inner === outer || inner.startsWith(outer === '/' ? '/' : `${outer}/`);
}
