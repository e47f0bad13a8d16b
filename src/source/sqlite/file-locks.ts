/** Who holds locks on a database, as the kernel tells it; other containers' processes do not show. */
import { lstatSync, readFileSync } from 'node:fs';
import { splitDevice } from '../device.js';
import { sidecarPath } from './header.js';
import type { FilePath } from './header.js';

/** Byte of `-shm` on which a writer of WAL mode holds a write lock from its first statement to its commit. */
const WAL_WRITE_LOCK = 120;

interface FileLock {
  readonly pid: number;
  readonly inode: string;
  readonly isWrite: boolean;
  readonly start: number;
  readonly end: number;
}

/** True when a living process is seen to have the database open in WAL mode (each holds a lock on `-shm`). */
export function isSeenOpen(path: FilePath): boolean {
  return readLocks().some(isOn(sidecarPath(path, '-shm')));
}

/** True when a living process is seen in a write transaction of rollback mode (it locks bytes of the file itself). */
export function isSeenWriting(path: FilePath): boolean {
  const isOnFile = isOn(Buffer.from(path));
  return readLocks().some((lock) => lock.isWrite && isOnFile(lock));
}

/**
 * The write locks of WAL mode on any of `paths`, as pid → how many. A process that holds two may be in the middle of
 * committing one transaction to several attached databases, which become visible one after the other.
 */
export function walWriters(paths: readonly FilePath[]): Map<number, number> {
  const locks = readLocks().filter(
    (lock) => lock.isWrite && lock.start <= WAL_WRITE_LOCK && lock.end >= WAL_WRITE_LOCK,
  );
  const files = paths.map((path) => isOn(sidecarPath(path, '-shm')));
  const writers = new Map<number, number>();
  for (const lock of locks) {
    if (files.some((isOnFile) => isOnFile(lock))) writers.set(lock.pid, (writers.get(lock.pid) ?? 0) + 1);
  }
  return writers;
}

function readLocks(): FileLock[] {
  let text: string;
  try {
    text = readFileSync('/proc/locks', 'latin1');
  } catch {
    return [];
  }
  // "1: POSIX  ADVISORY  READ 6316 fe:00:2146379 128 128"; blocked waiters have "->" as their second field.
  return text.split('\n').flatMap((line) => {
    const [, kind, , access, pid, inode, start, end] = line.split(/\s+/);
    if (kind !== 'POSIX' || inode === undefined) return [];
    return [
      {
        pid: Number(pid),
        inode,
        isWrite: access === 'WRITE',
        start: Number(start),
        end: end === 'EOF' ? Infinity : Number(end),
      },
    ];
  });
}

/** Tells whether a lock is on `file`; never, when there is no such file. */
function isOn(file: Buffer): (lock: FileLock) => boolean {
  const stat = lstatSync(file, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return () => false;
  const { major, minor } = splitDevice(stat.dev);
  const hex = (value: number): string => value.toString(16).padStart(2, '0');
  const name = `${hex(major)}:${hex(minor)}:${stat.ino}`;
  // Btrfs, ZFS and overlays show files under a device of their own, locks under the filesystem's.
  const ending = major === 0 ? `:${stat.ino}` : undefined;
  return (lock) => lock.inode === name || (ending !== undefined && lock.inode.endsWith(ending));
}
