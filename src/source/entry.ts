/** What the walker says about one thing in a source. */
import type { EntryKind, Timestamp } from '../format/entry.js';
import type { BytePath } from '../format/path.js';
import type { DeviceNumber } from './device.js';

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
