/** Copies of what was replaced that an application's own restore leaves beside it, by the custom its profile states. */

import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { joinPath, pathFromText, type BytePath } from '../../format/path.js';
import { copiesByCustom } from '../../source/profiles/custom.js';
import { SIDECAR_SUFFIXES } from '../../source/sqlite/header.js';
import type { DurableFiles } from './durable-files.js';
import type { OpenVolume } from './swap.js';
import { inVolume, volumeOf } from './volumes.js';

/** What was left. */
export interface LeftCopies {
  /** Absolute paths. */
  readonly copies: readonly string[];
  /** Sentences: the restore is whole without them, and what was replaced is where it was moved to. */
  readonly notCopied: readonly string[];
}

/**
 * Copies replaced databases, with what their logs held, from where the swap moved them: durable when it returns, and
 * the same when it is done again (§22.8 step 6). One generation: what has the name already is replaced, be it restored
 * or of the restore before.
 *
 * @param open - volumes whose new entries have been moved in.
 * @param target - absolute, as text.
 * @param profile - as the manifest says it.
 */
export async function leaveCopies(
  files: DurableFiles,
  open: readonly OpenVolume[],
  { target, profile }: { readonly target: string; readonly profile: string },
): Promise<LeftCopies> {
  const [copies, notCopied]: [string[], string[]] = [[], []];
  const volumes = open.map((each) => ({ base: each.volume.base, each }));
  for (const { of, suffix } of copiesByCustom(target, profile)) {
    const volume = volumeOf(volumes, pathFromText(of));
    const path = inVolume(volume, pathFromText(of));
    if (!wasReplaced(volume.each, path)) continue;
    const to = join(target, of) + suffix;
    try {
      await copyBeside(files, volume.each, path, `${path}${suffix}` as BytePath);
      copies.push(to);
    } catch (error) {
      const { code = 'error' } = error as NodeJS.ErrnoException;
      notCopied.push(`the copy ${to} of what was replaced (${code}); it is where that was moved to`);
    }
  }
  for (const { target: area } of open) area.sync();
  return { copies, notCopied };
}

/** Says whether a file of this name was moved out and another one in, links not being followed. */
function wasReplaced({ target, moved }: OpenVolume, path: BytePath): boolean {
  return [target, moved].every((area) => area.has(path) && lstatSync(area.place(path)).isFile());
}

async function copyBeside(
  files: DurableFiles,
  { target, moved, run }: OpenVolume,
  path: BytePath,
  to: BytePath,
): Promise<void> {
  // What a crash or a full disk leaves there is removed with the run.
  const unfinished = joinPath(run, 'copy');
  if (target.has(unfinished)) files.removeFile(target.place(unfinished));
  await files.copyDatabase(moved.place(path), target.place(unfinished));
  // A17: a log of the file that had the name before.
  for (const suffix of SIDECAR_SUFFIXES) {
    const sidecar = `${to}${suffix}` as BytePath;
    if (target.has(sidecar)) files.removeFile(target.place(sidecar));
  }
  target.move(unfinished, target, to);
}
