/**
 * The version of an application that `nbak guard` saw last: one file per source and repository. Light: it is read at
 * every start of that application.
 */

import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, realpathSync, renameSync, writeSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** Whose version, and where that is kept. */
export interface Guarded {
  readonly source: string;
  /** Absolute path. */
  readonly repository: string;
  /** As the user gave it. */
  readonly stateDirectory: string | undefined;
}

/**
 * The file that holds the version. Not in the cache, which may be emptied at any time, and not in the source, which a
 * backup does not touch.
 *
 * @throws the system's error where there is no such source.
 */
export function recordOf({ source, repository, stateDirectory }: Guarded): string {
  const key = JSON.stringify([realpathSync(source), repository]);
  return join(stateDirectoryOf(stateDirectory), 'guard', createHash('sha256').update(key).digest('hex'));
}

function stateDirectoryOf(given: string | undefined): string {
  const { NBAK_STATE_DIR: chosen, XDG_STATE_HOME: base } = process.env;
  if (given !== undefined && given !== '') return resolve(given);
  if (chosen !== undefined && chosen !== '') return resolve(chosen);
  return join(base !== undefined && base !== '' ? base : join(homedir(), '.local/state'), 'nbak');
}

/**
 * The version that was seen last, undefined where there was none. What a crash left of a file is a version that no
 * application has.
 *
 * @throws the system's error where the file cannot be read.
 */
export function readSeenVersion(record: string): string | undefined {
  try {
    return readFileSync(record, 'utf8').replace(/\n$/, '');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Replaces the version at once and for good. The directory exists.
 *
 * @throws the system's error where it cannot be written.
 */
export function writeSeenVersion(record: string, version: string): void {
  const fresh = `${record}.${process.pid}`;
  const file = openSync(fresh, 'w', 0o600);
  try {
    writeSync(file, `${version}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(fresh, record);
  const directory = openSync(dirname(record), 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
