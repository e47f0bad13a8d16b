/** What a restored file gets besides its content: owner, mode, times. Called from any thread, on descriptors alone. */

import { fchmodSync, fchownSync, futimesSync } from 'node:fs';
import type { Entry } from '../format/entry.js';

/** Owner of something restored, as numbers of this machine. */
export interface TargetOwner {
  readonly uid: number;
  readonly gid: number;
}

/** What a file gets; plain data, so that it can go to a thread. */
export interface FileAttributes {
  readonly mode: number;
  readonly time: FileTime;
  readonly owner: TargetOwner;
}

/** As Node takes it. */
export type FileTime = number | Date;

/** The attributes of an entry. */
export function attributesOf(entry: Entry, owner: TargetOwner): FileAttributes {
  return { mode: entry.mode, time: fileTime(entry), owner };
}

/** Node takes times as floating-point seconds and cuts them to microseconds: half of one keeps the right one. */
export function fileTime({ mtime }: Pick<Entry, 'mtime'>): FileTime {
  // Node takes a negative number for "now".
  if (mtime.seconds < 0) return new Date(mtime.seconds * 1000 + Math.floor(mtime.nanoseconds / 1e6));
  return mtime.seconds + (Math.floor(mtime.nanoseconds / 1000) + 0.5) / 1e6;
}

/** Sets a file's attributes. @returns false where the owner could not be set. */
export function setFileAttributes(descriptor: number, { mode, time, owner }: FileAttributes): boolean {
  const owned = setOwner((uid, gid) => fchownSync(descriptor, uid, gid), owner);
  // After chown, which takes setuid and setgid away; and those never go to an owner they were not meant for.
  tolerate(() => fchmodSync(descriptor, owned ? mode : mode & 0o1777));
  futimesSync(descriptor, time, time);
  return owned;
}

/** Changes an owner, as root. @returns whether the owner is the wanted one. */
export function setOwner(change: (uid: number, gid: number) => void, { uid, gid }: TargetOwner): boolean {
  if (process.getuid?.() === 0) return tolerate(() => change(uid, gid));
  return uid === process.getuid?.() && gid === process.getgid?.();
}

/** What user namespaces, network shares and simple file systems answer when they know no owners or modes. */
const UNSUPPORTED = ['EPERM', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

/** @returns false where this system cannot do it. */
export function tolerate(change: () => void): boolean {
  try {
    change();
    return true;
  } catch (error) {
    if (UNSUPPORTED.includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
