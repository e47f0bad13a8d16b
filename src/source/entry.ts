/** What the walker says about one thing in a source. */
import type { BytePath } from '../format/path.js';
import type { DeviceNumber } from './device.js';

/** What kinds of things a backup names; content is stored for files, a target for links. */
export type EntryKind =
  'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'character-device' | 'block-device';

/** A moment as the filesystem tells it; `seconds` may be negative, `nanoseconds` is 0–999 999 999. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** One entry of a source, as `lstat` saw it; nothing here was followed or opened. */
export interface SourceEntry {
  readonly path: BytePath;
  readonly kind: EntryKind;
  /** Permission bits with setuid, setgid and sticky (0o7777). */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: Timestamp;
  readonly ctime: Timestamp;
  readonly inode: bigint;
  readonly device: bigint;
  readonly links: number;
  /** Of device nodes only. */
  readonly deviceNumber?: DeviceNumber;
  /** Of symbolic links only: the bytes stored in the link. */
  readonly target?: BytePath;
}
