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
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    const parent = dirname(path);
    if (code !== 'ENOENT' || parent === path) throw error;
    makeDirectories(parent, mode);
    // Once: where the parent is there now and the answer is the same, this place takes no directories.
    mkdirSync(path, { mode });
  }
}
