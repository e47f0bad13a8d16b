/** What the system says of a target, as errors of this program. */

import { NbakError } from '../../errors.js';
import { pathToText, type BytePath } from '../../format/path.js';

/** An error of the file system as `TARGET_FAILED` or `SPACE_INSUFFICIENT`; any other as it is. */
export function targetError(error: unknown, target: string): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof NbakError || typeof code !== 'string') return error;
  // Directories are worked on through their descriptors, which say nothing to a user.
  const what = message.replaceAll(/\/proc\/self\/fd\/\d+/g, target);
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  return new NbakError(
    isFull ? 'SPACE_INSUFFICIENT' : 'TARGET_FAILED',
    isFull ? `Cannot restore over ${target}: the disk is full` : `Cannot restore over ${target}: ${code}`,
    { details: { target, code }, hint: `The directory is what it was (${what}).`, cause: error },
  );
}

/** The error of a swap that stopped where it can only be finished. */
export function stopped(error: unknown, target: string): NbakError {
  const shown = pathToText(target as BytePath);
  const why = error instanceof Error ? error.message : String(error);
  return new NbakError('TARGET_FAILED', `The swap in ${shown} stopped: ${why}`, {
    details: { target: shown },
    hint: `Remove the cause, then finish it with: nbak restore --resume ${shown}`,
    cause: error,
  });
}
