/** Holds databases so that nobody else can read or write them, while their files are moved. Implements §22.10. */

import type { ChildProcess } from 'node:child_process';
import { lstatSync, unlinkSync, type BigIntStats } from 'node:fs';
import { forkSilently } from '../silent-child.js';
import { sidecarPath, toLatin1, type FilePath } from './header.js';

/** What the process that holds the locks says: undefined when it has all, else the database that is busy. */
interface LockAnswer {
  readonly busy?: string;
}

/** Held locks. */
export interface ExclusiveLocks {
  /** The first database that somebody else uses; then nothing is held. */
  readonly busy: string | undefined;
  /** Lets go, by killing the process that holds them: an orderly close would write to the files that were moved. */
  release(): Promise<void>;
}

/**
 * Takes `BEGIN EXCLUSIVE` on every database of `paths`, in a process of its own (DESIGN §6). What cannot be opened as a
 * database is passed over: nobody else can work with it either.
 */
export async function lockExclusively(paths: readonly FilePath[]): Promise<ExclusiveLocks> {
  if (paths.length === 0) return { busy: undefined, release: () => Promise.resolve() };
  const child = forkSilently(new URL('./exclusive-child.js', import.meta.url));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const without = paths.filter((path) => logOf(path) === undefined);
  const { busy } = await ask(child, paths, exited);
  const made = without.flatMap((path) => {
    const log = logOf(path);
    return log === undefined ? [] : [{ path, inode: log.ino }];
  });
  const release = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
    for (const { path, inode } of made) {
      const log = logOf(path);
      // Where the database was moved the name is free, or belongs to an application that has come back.
      if (log?.ino === inode && log.size === 0n) unlinkSync(sidecarPath(path, '-wal'));
    }
  };
  if (busy !== undefined) await release();
  return { busy, release };
}

/** Taking the lock of a database in WAL mode makes an empty log where there was none. */
function logOf(path: FilePath): BigIntStats | undefined {
  return lstatSync(sidecarPath(path, '-wal'), { bigint: true, throwIfNoEntry: false });
}

function ask(child: ChildProcess, paths: readonly FilePath[], exited: Promise<void>): Promise<LockAnswer> {
  const answer = new Promise<LockAnswer>((resolve) => child.once('message', resolve as (m: unknown) => void));
  child.send(paths.map(toLatin1), () => undefined);
  // Without SQLite there are no locks; what is in use was looked for in other ways too.
  return Promise.race([answer, exited.then(() => ({}))]);
}
