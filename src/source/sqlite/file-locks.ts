/** Who holds locks on a database, as the kernel tells it; other containers' processes do not show. */
import { lstatSync, readFileSync } from 'node:fs';
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
  const inode = lockName(path);
  return inode !== undefined && readLocks().some((lock) => lock.inode === inode);
}

/**
 * The write locks of WAL mode on any of `paths`, as 'pid' → paths. A process that holds two may be in the middle of
 * committing one transaction to several attached databases, which become visible one after the other.
 */
export function walWriters(paths: readonly FilePath[]): Map<number, number> {
  const locks = readLocks().filter(
    (lock) => lock.isWrite && lock.start <= WAL_WRITE_LOCK && lock.end >= WAL_WRITE_LOCK,
  );
  const names = new Set(paths.map(lockName));
  const writers = new Map<number, number>();
  for (const lock of locks) {
    if (names.has(lock.inode)) writers.set(lock.pid, (writers.get(lock.pid) ?? 0) + 1);
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

function lockName(path: FilePath): string | undefined {
  const stat = lstatSync(sidecarPath(path, '-shm'), { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  const major = ((stat.dev >> 8n) & 0xfffn) | ((stat.dev >> 32n) & 0xfffff000n);
  const minor = (stat.dev & 0xffn) | ((stat.dev >> 12n) & 0xffffff00n);
  const hex = (value: bigint): string => value.toString(16).padStart(2, '0');
  return `${hex(major)}:${hex(minor)}:${stat.ino}`;
}
