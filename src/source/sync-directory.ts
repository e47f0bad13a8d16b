/** Making the names in a directory durable. */

import { closeSync, constants, fsyncSync, openSync } from 'node:fs';

/** What file systems say of calls that they do not have. */
export const UNSUPPORTED = ['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

/** Syncs the entries of a directory. A link in its last part is not followed. */
export function syncDirectory(path: Buffer): void {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    fsyncSync(descriptor);
  } catch (error) {
    // Some network and FUSE file systems cannot sync a directory; there is nothing more to be had there.
    if (!UNSUPPORTED.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    closeSync(descriptor);
  }
}
