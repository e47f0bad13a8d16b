/** Making a directory and those above it, one by one. */

import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes `path` and what is missing above it. Node's own recursive mkdir never returns where a parent exists and
 * still answers ENOENT, as below /proc.
 *
 * @param mode - of the directories that are made.
 * @throws the system's error when one cannot be made.
 */
export function makeDirectories(path: string, mode: number): void {
  if (makeOne(path, mode)) return;
  makeDirectories(dirname(path), mode);
  // Once: where the parent is there now and the answer is the same, this place takes no directories.
  if (!makeOne(path, mode)) mkdirSync(path, { mode });
}

/** False where the parent is missing; a directory that is there, perhaps since another process made it, is fine. */
function makeOne(path: string, mode: number): boolean {
  try {
    mkdirSync(path, { mode });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return true;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    return false;
  }
}
