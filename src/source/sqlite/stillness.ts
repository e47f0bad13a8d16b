/** Whether a database and its sidecars held still: by stat alone, so that any process may ask. */
import { lstatSync } from 'node:fs';
import { settleMilliseconds, sleepSync } from '../clock.js';
import { sidecarPath } from './header.js';
import type { FilePath } from './header.js';

/**
 * Inode, size, mtime and ctime of the database, its `-wal` and its `-journal`, as one string: equal strings mean that
 * nobody wrote in between, provided the first came from {@link settledStillness}. `-shm` holds no content.
 */
export function stillness(path: FilePath): string {
  return [Buffer.from(path), sidecarPath(path, '-wal'), sidecarPath(path, '-journal')]
    .map((file) => {
      const stat = lstatSync(file, { bigint: true, throwIfNoEntry: false });
      return stat === undefined ? '-' : [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(':');
    })
    .join(' ');
}

/** {@link stillness} taken when the files' times are old enough to show every later write (waits a clock tick). */
export function settledStillness(path: FilePath): string {
  const now = Date.now();
  const waits = [Buffer.from(path), sidecarPath(path, '-wal'), sidecarPath(path, '-journal')].map((file) => {
    const stat = lstatSync(file, { bigint: true, throwIfNoEntry: false });
    return stat === undefined ? 0 : settleMilliseconds(stat.ctimeNs, now);
  });
  sleepSync(Math.max(...waits));
  return stillness(path);
}
