/** Keeping what is written for the user out of the repository. */

import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { usage } from './options.js';

/**
 * Files written into the repository would be foreign objects in it, and `verify` would call them tampering.
 *
 * @param what - the argument, for the message.
 * @throws NbakError `USAGE_INVALID`.
 */
export function assertOutsideRepository(what: string, path: string, repository: string): void {
  const real = realPathOf(resolve(path));
  const home = realPathOf(repository);
  if (real === home || real.startsWith(`${home}/`)) throw usage(`${what} lies in the repository`);
}

/** The real path of the nearest directory that exists, with the rest behind it. */
function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path === dirname(path) ? path : join(realPathOf(dirname(path)), basename(path));
  }
}
