/** Whether a plain file can be taken from the previous backup without reading it (DESIGN §6). */
import type { Entry } from '../format/entry.js';
import { milliseconds } from './clock.js';
import type { SeenEntry } from './entry.js';

/** A file must be older than the run by this much: its times may be coarse, and clocks are set. */
const YOUNG_MS = 2000;

/**
 * True when size, mtime, ctime and inode are what they were, and were settled when the run began that read the file.
 * Not for databases, whose commits change none of these: see `databaseFingerprint`.
 *
 * @param startedAt - when that run began, milliseconds since 1970.
 */
export function isUnchanged(
  before: Pick<Entry, 'size' | 'mtime' | 'ctime' | 'inode'>,
  now: Pick<SeenEntry, 'size' | 'mtimeMs' | 'ctimeMs' | 'inode'>,
  startedAt: number,
): boolean {
  return looksUnchanged(before, now) && isSettled(before, startedAt);
}

/** True when size, mtime, ctime and inode are what they were: all that can be seen without reading the file. */
export function looksUnchanged(
  before: Pick<Entry, 'size' | 'mtime' | 'ctime' | 'inode'>,
  now: Pick<SeenEntry, 'size' | 'mtimeMs' | 'ctimeMs' | 'inode'>,
): boolean {
  return (
    before.size === now.size &&
    Number(before.inode) === now.inode &&
    milliseconds(before.mtime) === now.mtimeMs &&
    milliseconds(before.ctime) === now.ctimeMs
  );
}

/**
 * True when both times lie more than 2 s before the start of the run: what was written in the very moment it was read
 * may look the same and differ.
 */
export function isSettled({ mtime, ctime }: Pick<Entry, 'mtime' | 'ctime'>, startedAt: number): boolean {
  const limit = startedAt - YOUNG_MS;
  return milliseconds(mtime) < limit && milliseconds(ctime) < limit;
}
