/** A database with what its logs hold, as one file of the same owner and mode. */

import { closeSync, fchmodSync, fchownSync, fsyncSync, lstatSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { copyAtRest } from '../../source/sqlite/private-copy.js';

/**
 * Copies a database that nobody works with, and syncs the content, not the name.
 *
 * @param to - is not there yet.
 * @throws NbakError `SPACE_INSUFFICIENT`; an Error with `code`, `EBUSY` where the database changes meanwhile.
 */
export async function copyDatabase(from: Buffer, to: Buffer): Promise<void> {
  const descriptor = openSync(to, 'wx+', 0o600);
  try {
    const still = await copyAtRest(from, { descriptor, directory: dirname(to.toString()) });
    if (still === undefined) throw Object.assign(new Error('it changes'), { code: 'EBUSY' });
    const { mode, uid, gid } = lstatSync(from);
    if (process.geteuid?.() === 0) fchownSync(descriptor, uid, gid);
    fchmodSync(descriptor, mode & 0o777);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
