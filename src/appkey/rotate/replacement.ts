/** Replacing a file so that a crash leaves the one or the other, whole. */

import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { syncDirectory } from '../../source/sync-directory.js';
import { copyXattrs } from '../../source/xattrs.js';

/** Writes a file with owner, mode and attributes of another, over what a run left that did not end; it is durable then. */
export function writeLike(path: Buffer, content: Uint8Array, like: Buffer): void {
  const { uid, gid, mode } = lstatSync(like);
  rmSync(path, { force: true });
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const descriptor = openSync(path, flags, 0o600);
  try {
    for (let written = 0; written < content.length;)
      written += writeSync(descriptor, content, written, content.length - written);
    const own = fstatSync(descriptor);
    if (own.uid !== uid || own.gid !== gid) fchownSync(descriptor, uid, gid);
    copyXattrs(like, path);
    fchmodSync(descriptor, mode & 0o7777);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  syncDirectory(directoryOf(path));
}

/** Puts one file in the place of another, durably. */
export function moveOver(from: Buffer, to: Buffer): void {
  renameSync(from, to);
  syncDirectory(directoryOf(to));
}

function directoryOf(path: Buffer): Buffer {
  return path.subarray(0, Math.max(1, path.lastIndexOf('/')));
}
