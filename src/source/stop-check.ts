/** Who is at work in a directory, as far as the kernel tells. Implements the first half of §22.10. */

import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { NbakError } from '../errors.js';
import { findRunningIn } from './profiles/custom.js';
import { WORK_DIRECTORY } from './unfinished-restore.js';

/** A process and one file that it has open. */
export interface FileUser {
  readonly pid: number;
  readonly program: string;
  /** As that process calls it. */
  readonly file: string;
}

/** Most users that are named. */
const MOST_NAMED = 5;

/**
 * Throws where another process has something below `directory` open or mapped.
 *
 * @param inodes - `device:inode` of the files there: in a container they have other paths.
 * @throws NbakError `TARGET_IN_USE`.
 */
export function assertNotInUse(directory: string, inodes: ReadonlySet<string>): void {
  const users = fileUsers(directory, inodes);
  const [first] = users;
  if (first === undefined) return;
  throw inUse(
    `process ${first.pid} (${first.program}) has ${first.file} open`,
    users.slice(0, MOST_NAMED).map(({ pid, program, file }) => `${pid} ${program} ${file}`),
  );
}

/**
 * Throws where an application says that it runs: by a file with its process id, as profiles know it.
 *
 * @throws NbakError `TARGET_IN_USE`.
 */
export function assertNoneRuns(directory: string): void {
  const running = findRunningIn(directory);
  const [first] = running;
  if (first === undefined) return;
  throw inUse(
    `process ${first.pid} runs, which ${first.sign} names`,
    running.map(({ pid, sign }) => `${pid} ${sign}`),
  );
}

/** The error for a directory that an application works in. */
export function inUse(why: string, users: readonly string[]): NbakError {
  return new NbakError('TARGET_IN_USE', `The directory is in use: ${why}`, {
    details: { users },
    hint: 'Stop the application first. If that is no application, a restore takes --even-if-running.',
  });
}

function fileUsers(directory: string, inodes: ReadonlySet<string>): readonly FileUser[] {
  const prefix = directory === '/' ? '/' : `${directory}/`;
  const isOurs = (path: string): boolean => path.split('/').includes(WORK_DIRECTORY);
  const isBelow = (path: string): boolean => path.startsWith(prefix) && !isOurs(path);
  return processes().flatMap((pid) => {
    if (pid === process.pid) return [];
    const file = openFile(pid, isBelow, inodes) ?? mappedFile(pid, isBelow);
    return file === undefined ? [] : [{ pid, program: programOf(pid), file }];
  });
}

function processes(): readonly number[] {
  return attempt(() => readdirSync('/proc'), [])
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function openFile(
  pid: number,
  isBelow: (path: string) => boolean,
  inodes: ReadonlySet<string>,
): string | undefined {
  return attempt(() => readdirSync(`/proc/${pid}/fd`), []).flatMap((descriptor) => {
    const link = `/proc/${pid}/fd/${descriptor}`;
    const path = attempt(() => readlinkSync(link, 'latin1'), '');
    // Sockets and pipes, and places where no state lies, need no second look.
    if (!path.startsWith('/') || /^\/(dev|proc|sys)\//.test(path)) return [];
    if (isBelow(path)) return [path];
    const stat = attempt(() => statSync(link), undefined);
    return stat?.isFile() === true && inodes.has(`${stat.dev}:${stat.ino}`) ? [path] : [];
  })[0];
}

/** Vector stores map files and close them. */
function mappedFile(pid: number, isBelow: (path: string) => boolean): string | undefined {
  const lines = attempt(() => readFileSync(`/proc/${pid}/maps`, 'latin1'), '').split('\n');
  return lines.map((line) => line.slice(Math.max(0, line.indexOf('/')))).find(isBelow);
}

function programOf(pid: number): string {
  return attempt(() => readFileSync(`/proc/${pid}/comm`, 'utf8').trim(), '?');
}

/** Processes end while they are looked at, and those of others may not be looked at. */
function attempt<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch {
    return otherwise;
  }
}
