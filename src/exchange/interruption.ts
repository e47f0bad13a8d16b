/** Stopping between two steps. */

import { NbakError } from '../errors.js';

/**
 * Goes on unless the caller wants it to end.
 *
 * @throws NbakError `INTERRUPTED`.
 */
export function assertWanted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new NbakError('INTERRUPTED', 'Interrupted: nothing is half-written');
}
