/** Why an app key stays what it is. */

import { NbakError } from '../../errors.js';

/** The error for an app key that cannot be rotated as things are; nothing was changed. */
export function notRotatable(why: string, hint: string): NbakError {
  return new NbakError('APP_KEY_NOT_ROTATABLE', `The app key was not rotated: ${why}`, { hint });
}
