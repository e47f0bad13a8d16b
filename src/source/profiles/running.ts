/** Telling that an application runs by what it leaves in its state directory. */

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { startedAt } from '../process-identity.js';
import type { RunningSign } from './profile.js';

/** An application that is at work. */
export interface RunningApplication {
  readonly pid: number;
  /** The file that names it, as the profile calls it. */
  readonly sign: string;
}

/** Times of files and processes are compared with this tolerance: starts are known to a hundredth of a second. */
const TOLERANCE_MS = 2000;
const MOST_PID_BYTES = 256;

/** The applications that the signs in `directory` tell of. */
export function findRunning(directory: string, signs: readonly RunningSign[]): readonly RunningApplication[] {
  return signs.flatMap(({ pidFile }) => {
    const named = readPid(join(directory, pidFile));
    if (named === undefined) return [];
    const started = startedAt(named.pid);
    // A younger process has the number of one that is gone, and was killed before it could remove its file.
    if (started === undefined || started > named.writtenMs + TOLERANCE_MS) return [];
    return [{ pid: named.pid, sign: pidFile }];
  });
}

function readPid(path: string): { readonly pid: number; readonly writtenMs: number } | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) return undefined;
    const text = Buffer.alloc(MOST_PID_BYTES);
    const [line = ''] = text.toString('latin1', 0, readSync(descriptor, text)).split('\n');
    const pid = /^\s*\d{1,9}\s*$/.test(line) ? Number(line) : 0;
    return pid > 0 ? { pid, writtenMs: stat.mtimeMs } : undefined;
  } finally {
    closeSync(descriptor);
  }
}
