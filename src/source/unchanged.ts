/** Whether a plain file can be taken from the previous backup without reading it (DESIGN §6). */
import { compareTimestamps } from './clock.js';
import type { Timestamp } from '../format/entry.js';
import type { SourceEntry } from './entry.js';

/** A file must be older than the run by this much: its times may be coarse, and clocks are set. */
const YOUNG_SECONDS = 2;

/** What of a file is compared. */
export type FileIdentity = Pick<SourceEntry, 'size' | 'mtime' | 'ctime' | 'inode'>;

/**
 * True when size, mtime, ctime and inode are what they were, and both times lie more than 2 s before `runStart`, the
 * start of the run that recorded `before`: what was written in the very moment it was read may look the same and
 * differ. Not for databases, whose commits change none of these: see `databaseFingerprint`.
 */
export function isUnchanged(before: FileIdentity, now: FileIdentity, runStart: Timestamp): boolean {
  const limit = { seconds: runStart.seconds - YOUNG_SECONDS, nanoseconds: runStart.nanoseconds };
  return (
    before.size === now.size &&
    before.inode === now.inode &&
    compareTimestamps(before.mtime, now.mtime) === 0 &&
    compareTimestamps(before.ctime, now.ctime) === 0 &&
    compareTimestamps(now.mtime, limit) < 0 &&
    compareTimestamps(now.ctime, limit) < 0
  );
}
