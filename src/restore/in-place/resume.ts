/** Finishing what a crash left of a restore over a directory. Implements §22.9. */

import { lstatSync, readFileSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { NbakError } from '../../errors.js';
import { pathToText, type BytePath } from '../../format/path.js';
import { nextStepsOf } from '../../source/profiles/custom.js';
import { assertNotInUse } from '../../source/stop-check.js';
import { isReserved } from '../../source/unfinished-restore.js';
import { walk } from '../../source/walk.js';
import { finishSwap, makeMoved, type SwapEnd, type SwapPart } from './commit.js';
import { diskFiles, type DurableFiles } from './durable-files.js';
import { stopped, targetError } from './errors.js';
import { decodeJournal, type Journal } from './journal.js';
import { lockDatabases } from './live-databases.js';
import type { ResumeResult } from './result.js';
import { factsAt } from './swap.js';
import { movedPlace, openVolume, type Volume } from './volumes.js';
import { JOURNAL, WorkDirectory } from './work-directory.js';

/** How to resume. */
export interface ResumeOptions {
  readonly target: string;
  readonly ifRunning: 'refuse' | 'ignore';
}

/** A journal of 2 million entries takes less. */
const MOST_JOURNAL_BYTES = 1024 * 1024 * 1024;

/**
 * Finishes a swap, or removes what a restore staged that did not come to its swap. Needs neither repository nor key.
 *
 * @throws NbakError `TARGET_IN_USE`, `TARGET_FAILED`, `FORMAT_NEWER`, `FORMAT_INVALID`, `PATH_UNSAFE`.
 */
export function resumeRestore(options: ResumeOptions): Promise<ResumeResult> {
  return resumeRestoreOn(diskFiles, options);
}

/** {@link resumeRestore} on a disk that may be another than the real one. */
export async function resumeRestoreOn(files: DurableFiles, options: ResumeOptions): Promise<ResumeResult> {
  const target = openTarget(files, options.target);
  const { path } = target;
  const opened: Volume[] = [target];
  try {
    if (!WorkDirectory.isBegun(files, target.area)) return { outcome: 'nothing', ...NOTHING };
    const work = new WorkDirectory(files, target.area);
    work.enter(options.ifRunning);
    if (!target.area.has(JOURNAL)) {
      const { mtime, ...facts } = factsAt(target.area.place('' as BytePath));
      work.leave();
      files.setFacts(target.area.place('' as BytePath), { ...facts, mtime });
      return { outcome: 'discarded', ...NOTHING };
    }
    const journal = readJournal(target);
    const parts: SwapPart[] = [];
    for (const swap of journal.volumes) {
      const volume = swap.base === '' ? target : openVolume(files, path, swap.base, target.area);
      if (volume !== target) opened.push(volume);
      const part = { volume, swap, work: volume === target ? work : new WorkDirectory(files, volume.area) };
      if (volume !== target) part.work.enter(options.ifRunning);
      const moved = movedPlace(volume, swap.moved);
      if (!files.exists(moved))
        makeMoved(files, volume, swap.moved, factsAt(volume.area.place('' as BytePath)));
      parts.push(part);
    }
    const { moved, copies, notCopied } = await finish(parts, journal, { ...options, files, path });
    const nextSteps = nextStepsOf(journal.profile);
    return { outcome: 'finished', moved, copies, notRestored: notCopied, nextSteps };
  } catch (error) {
    throw targetError(error, pathToText(path as BytePath));
  } finally {
    for (const { area } of opened) area.close();
  }
}

const NOTHING = { moved: [], copies: [], notRestored: [], nextSteps: [] } as const;

async function finish(
  parts: readonly SwapPart[],
  journal: Journal,
  run: { readonly files: DurableFiles; readonly path: string; readonly ifRunning: 'refuse' | 'ignore' },
): Promise<SwapEnd> {
  const { files, path, ifRunning } = run;
  const entries = [
    ...walk({ directory: path }, { onProblem: () => undefined, exclude: isReserved, oneFileSystem: false }),
  ];
  if (ifRunning === 'refuse') {
    const inodes = entries
      .filter(({ kind }) => kind === 'file')
      .map(({ device, inode }) => `${device}:${inode}`);
    assertNotInUse(path, new Set(inodes));
  }
  const locks = await lockDatabases(path, entries, ifRunning);
  try {
    return await finishSwap(files, parts, { ...journal, after: 'crash' });
  } catch (error) {
    throw stopped(error, path);
  } finally {
    await locks.release();
  }
}

function readJournal({ area, path }: Volume): Journal {
  const place = area.place(JOURNAL);
  const { size } = lstatSync(place);
  if (size > MOST_JOURNAL_BYTES) {
    throw new NbakError('LIMIT_EXCEEDED', `The journal of a restore has ${size} bytes`, {
      details: { size },
    });
  }
  return decodeJournal(readFileSync(place), path.slice(path.lastIndexOf('/') + 1) as BytePath);
}

function openTarget(files: DurableFiles, target: string): Volume {
  try {
    const path = realpathSync.native(resolve(target), { encoding: 'buffer' }).toString('latin1');
    return openVolume(files, path, '' as BytePath);
  } catch (error) {
    throw targetError(error, resolve(target));
  }
}
