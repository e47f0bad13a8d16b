/** The end of every swap, after staging as after a crash: out, in, and nothing left behind. Implements §22.8 steps 4 to 7. */

import { dirname } from 'node:path';
import { utf8 } from '../../format/bytes.js';
import { pathToText, type BytePath } from '../../format/path.js';
import { formatUtc } from './names.js';
import type { DirectoryFacts, DurableFiles } from './durable-files.js';
import { encodeJournal, type Journal, type SwapVolume } from './journal.js';
import { leaveCopies, type LeftCopies } from './left-copies.js';
import { moveIn, moveOut, type OpenVolume } from './swap.js';
import { movedPlace, openSwap, type Volume } from './volumes.js';
import { JOURNAL, JOURNAL_NEW, MARKER, WORK, type WorkDirectory } from './work-directory.js';

/** A volume with its part of the swap and its work directory. */
export interface SwapPart {
  readonly volume: Volume;
  readonly work: WorkDirectory;
  readonly swap: SwapVolume;
}

/** Makes the marker and the journal durable: from here on the restore is finished, not undone. */
export function writeJournal(files: DurableFiles, { area, path }: Volume, journal: Journal): void {
  const shown = pathToText(path as BytePath);
  files.writeFile(area.place(MARKER), utf8(markerText(shown, journal)), 0o644);
  files.syncDirectory(area.place('' as BytePath));
  files.writeFile(area.place(JOURNAL_NEW), encodeJournal(journal), 0o600);
  files.move(area.place(JOURNAL_NEW), area.place(JOURNAL));
  files.syncDirectory(area.place(WORK));
}

/** Makes the directory for what is moved away, which nobody may look into who may not look into the volume. */
export function makeMoved(files: DurableFiles, volume: Volume, moved: BytePath, facts: DirectoryFacts): void {
  const place = movedPlace(volume, moved);
  files.makeDirectory(place, 0o700);
  files.setFacts(place, facts);
  files.syncDirectory(Buffer.from(dirname(place.toString('latin1')), 'latin1'));
}

/** What a finished swap left of what was there: absolute paths, as text. */
export interface SwapEnd extends LeftCopies {
  /** The directories that hold it. */
  readonly moved: readonly string[];
}

/** Does what is left of a swap whose journal stands. */
export async function finishSwap(
  files: DurableFiles,
  parts: readonly SwapPart[],
  run: Pick<Journal, 'keep' | 'profile'> & { readonly after: 'staging' | 'crash' },
): Promise<SwapEnd> {
  const [target] = parts;
  if (target === undefined) throw new RangeError('the target is a volume of its own');
  const open: OpenVolume[] = [];
  let left: LeftCopies = { copies: [], notCopied: [] };
  try {
    for (const { volume, work, swap } of parts) open.push(openSwap(files, volume, { swap, run: work.run }));
    moveOut(open, run.after);
    moveIn(open);
    const place = { target: pathToText(target.volume.path as BytePath), profile: run.profile };
    if (run.keep) left = await leaveCopies(files, open, place);
  } finally {
    for (const { staged, moved } of open) {
      staged?.close();
      moved.close();
    }
  }
  files.removeFile(target.volume.area.place(JOURNAL));
  files.syncDirectory(target.volume.area.place(WORK));
  return { ...left, moved: parts.flatMap((part) => tidy(files, part, run.keep)) };
}

function tidy(files: DurableFiles, { volume, work, swap }: SwapPart, keep: boolean): readonly string[] {
  const moved = movedPlace(volume, swap.moved);
  // Without keep it lies in the run's directory and goes with that.
  const isKept = keep && files.exists(moved) && !files.removeEmptyDirectory(moved);
  work.leave();
  const own = swap.directories.find(({ path }) => path === '');
  if (own !== undefined) files.setFacts(volume.area.place('' as BytePath), own);
  return isKept ? [Buffer.from(moved).toString()] : [];
}

function markerText(target: string, { begun, backup }: Journal): string {
  return [
    `nbak began to restore a backup over this directory at ${formatUtc(begun)} and has not finished.`,
    'What is here is neither the old state nor the new one. Do not start the application.',
    '',
    `Finish it with:  nbak restore --resume ${target}`,
    '',
    `backup ${backup}`,
    '',
  ].join('\n');
}
