/** What the walker says about one thing in a source. */
import { constants, type Stats } from 'node:fs';
import type { EntryKind, Timestamp } from '../format/entry.js';
import type { BytePath } from '../format/path.js';
import type { DeviceNumber } from './device.js';

/** What exact and quick looks at an entry both say; nothing here was followed or opened. */
interface LookedAt {
  readonly path: BytePath;
  readonly kind: EntryKind;
  /** Permission bits with setuid, setgid and sticky (0o7777). */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly links: number;
}

/** One entry of a source, as `lstat` saw it. */
export interface SourceEntry extends LookedAt {
  readonly mtime: Timestamp;
  readonly ctime: Timestamp;
  readonly inode: bigint;
  readonly device: bigint;
  /** Of device nodes only. */
  readonly deviceNumber?: DeviceNumber;
  /** Of symbolic links only: the bytes stored in the link. */
  readonly target?: BytePath;
}

/**
 * One entry as the walk sees it: numbers only, which cost half as much as exact ones. Times are milliseconds, good to a
 * quarter of a microsecond; `lookAt` gives the rest.
 */
export interface SeenEntry extends LookedAt {
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly inode: number;
  readonly device: number;
}

/** An entry by what lstat says of it. */
export function seenEntry(path: BytePath, stat: Stats): SeenEntry {
  return {
    path,
    kind: kindOf(stat.mode),
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
    size: stat.size,
    mtimeMs: stat.mtimeMs,
    ctimeMs: stat.ctimeMs,
    inode: stat.ino,
    device: stat.dev,
    links: stat.nlink,
  };
}

/** What an entry is, by the mode that lstat gives. */
export function kindOf(mode: number): EntryKind {
  return KINDS.get(mode & constants.S_IFMT) ?? 'character-device';
}

const KINDS: ReadonlyMap<number, EntryKind> = new Map([
  [constants.S_IFREG, 'file'],
  [constants.S_IFDIR, 'directory'],
  [constants.S_IFLNK, 'symlink'],
  [constants.S_IFIFO, 'fifo'],
  [constants.S_IFSOCK, 'socket'],
  [constants.S_IFBLK, 'block-device'],
  [constants.S_IFCHR, 'character-device'],
]);
