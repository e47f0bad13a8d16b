/** What a restore over a directory leaves in it while it is not finished, for everybody who must respect it. Implements §22.6. */

import { lstatSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { NbakError } from '../errors.js';
import type { BytePath } from '../format/path.js';

/** Where a restore over a directory works, inside that directory. */
export const WORK_DIRECTORY = '.nbak-restore';
/** The journal's name in {@link WORK_DIRECTORY}. */
export const JOURNAL_NAME = 'journal';
/** Text for people, there whenever the journal is. */
export const MARKER_NAME = 'NBAK-RESTORE-UNFINISHED.txt';

/** Says whether an entry belongs to nbak and is never backed up, swapped or removed. */
export function isReserved(path: BytePath, isDirectory: boolean): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return name === (isDirectory ? WORK_DIRECTORY : MARKER_NAME);
}

/** Says whether a directory holds the journal of a restore that did not end. */
export function hasJournal(directory: string | Buffer): boolean {
  const inside = Buffer.from(`/${WORK_DIRECTORY}/${JOURNAL_NAME}`);
  try {
    return (
      lstatSync(Buffer.concat([Buffer.from(directory), inside]), { throwIfNoEntry: false }) !== undefined
    );
  } catch {
    // Not to be looked at, or no directory: then it cannot be restored over either.
    return false;
  }
}

/**
 * Refuses a place that a restore has left half done: `path` itself and every directory above it.
 *
 * @throws NbakError `RESTORE_UNFINISHED`.
 */
export function assertNoUnfinishedRestore(path: string): void {
  for (let place = realOf(path); ; place = dirname(place)) {
    if (hasJournal(place)) throw unfinishedRestore(place);
    if (place === dirname(place)) return;
  }
}

/** The error for a directory in which a restore was begun and not finished. */
export function unfinishedRestore(directory: string): NbakError {
  return new NbakError('RESTORE_UNFINISHED', `A restore over ${directory} was begun and not finished`, {
    details: { path: directory },
    hint: `Finish it with: nbak restore --resume ${directory}`,
  });
}

function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path === dirname(path) ? path : join(realOf(dirname(path)), path.slice(dirname(path).length));
  }
}
