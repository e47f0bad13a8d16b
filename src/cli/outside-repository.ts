/** Keeping what is written for the user out of the repository. */

import { isWithin } from '../source/real-path.js';
import { usage } from './options.js';

/**
 * Files written into the repository would be foreign objects in it, and `verify` would call them tampering.
 *
 * @param what - the argument, for the message.
 * @throws NbakError `USAGE_INVALID`.
 */
export function assertOutsideRepository(what: string, path: string, repository: string): void {
  if (isWithin(path, repository)) throw usage(`${what} lies in the repository`);
}
