/** Copies of what was replaced that an application's own restore leaves beside it, by the custom its profile states. */

import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { copiesToLeave } from '../../source/profiles/custom.js';
import { SIDECAR_SUFFIXES } from '../../source/sqlite/header.js';
import { copyAtRest } from '../../source/sqlite/private-copy.js';

/** What was left. */
export interface LeftCopies {
  /** Absolute paths. */
  readonly made: readonly string[];
  /** Sentences: the restore is whole without them, and what was replaced is where it was moved to. */
  readonly notMade: readonly string[];
}

/**
 * Copies replaced databases, with what their logs held, from where the swap moved them. One generation: what has the
 * name already is replaced, be it restored or of the restore before.
 *
 * @param moved - directories that hold what was there, as it lay below `target`.
 * @param recorded - profiles as the manifest says them.
 */
export async function leaveCopies(
  target: string,
  moved: readonly string[],
  recorded: string,
): Promise<LeftCopies> {
  const made: string[] = [];
  const notMade: string[] = [];
  for (const { from, to } of moved.flatMap((directory) => copiesToLeave(target, directory, recorded))) {
    try {
      await copyDatabase(from, to);
      made.push(to);
    } catch (error) {
      const { code = 'error' } = error as NodeJS.ErrnoException;
      notMade.push(`the copy ${to} of what was replaced (${code}); it is ${from}`);
    }
  }
  return { made, notMade };
}

async function copyDatabase(from: string, to: string): Promise<void> {
  const unfinished = `${to}.nbak-unfinished`;
  rmSync(unfinished, { force: true });
  try {
    const descriptor = openSync(unfinished, 'wx+', 0o600);
    try {
      const still = await copyAtRest(from, { descriptor, directory: dirname(to) });
      if (still === undefined) throw Object.assign(new Error('it changes'), { code: 'EBUSY' });
      const { mode, uid, gid } = statSync(from);
      if (process.geteuid?.() === 0) fchownSync(descriptor, uid, gid);
      fchmodSync(descriptor, mode & 0o777);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    // A17: a log of the file that had the name before.
    for (const suffix of SIDECAR_SUFFIXES) rmSync(to + suffix, { force: true });
    renameSync(unfinished, to);
  } finally {
    rmSync(unfinished, { force: true });
  }
}
