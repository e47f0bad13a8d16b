/** Why something of an application that lies elsewhere cannot be backed up, for people. */

import { statSync } from 'node:fs';

/** Undefined where `path` is there, and may be looked at. */
export function absenceOf(path: string): string | undefined {
  try {
    statSync(path);
    return undefined;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    return ['ENOENT', 'ENOTDIR'].includes(code) ? 'not on this machine' : `not to be looked at (${code})`;
  }
}
