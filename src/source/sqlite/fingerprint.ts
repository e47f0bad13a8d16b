/** Whether a database may have changed since a backup: its own fingerprint, because a stat is not enough for WAL. */
import { closeSync, lstatSync } from 'node:fs';
import { openForReading, sidecarPath, sniffDatabase } from './header.js';
import type { FilePath } from './header.js';
import { summarizeWal } from './wal.js';

/**
 * A string that changes whenever the content may have changed: inode, size, mtime, ctime and change counter of the
 * database; the salts, the number of frames and the last checksum of its log (50 commits may change nothing else);
 * the presence, size and mtime of a rollback journal. Take it BEFORE the databases are pinned, so that a later commit
 * differs from it. Uses plain reads: not for a process that holds SQLite connections.
 *
 * @returns '' when the file is no database or cannot be read: never equal to anything worth trusting.
 */
export function databaseFingerprint(path: FilePath): string {
  const header = sniffDatabase(path);
  if (header === undefined) return '';
  try {
    const { ino, size, mtimeNs, ctimeNs } = lstatSync(Buffer.from(path), { bigint: true });
    return [
      `file ${ino} ${size} ${mtimeNs} ${ctimeNs} ${header.changeCounter}`,
      describeFile(sidecarPath(path, '-wal')),
      describeWal(path),
      describeFile(sidecarPath(path, '-journal')),
    ].join(' | ');
  } catch {
    return '';
  }
}

/** Without ctime: SQLite run by root, so also a capture, sets the owner of a log that it opens, to what it was. */
function describeFile(file: Buffer): string {
  const stat = lstatSync(file, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? 'none' : `${stat.ino} ${stat.size} ${stat.mtimeNs}`;
}

function describeWal(path: FilePath): string {
  const file = sidecarPath(path, '-wal');
  if (lstatSync(file, { throwIfNoEntry: false })?.isFile() !== true) return 'no wal';
  const descriptor = openForReading(file);
  try {
    const { salts, frames, checksum } = summarizeWal(descriptor);
    return `wal ${salts} ${frames} ${checksum}`;
  } finally {
    closeSync(descriptor);
  }
}
