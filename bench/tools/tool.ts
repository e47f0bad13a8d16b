/** What is compared: backup programs behind the same few verbs, each with a repository of its own. */

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Measured } from '../measure.js';

/** The names of the programs, which are also their directories. */
export type ToolName = 'nbak' | 'restic' | 'borg';

/** A backup program. */
export interface Tool {
  readonly name: ToolName;
  /** Where its repository is. */
  readonly repository: string;
  /** Removes what it had, cache and all, and makes an empty repository. */
  init(): Promise<void>;
  backup(source: string): Promise<Measured>;
  /** Reads and checks everything that is stored. */
  verify(): Promise<Measured>;
  /** Restores the newest backup into a directory that does not exist. */
  restore(target: string): Promise<Measured>;
  /** As {@link restore}, with an integrity check of every database; only nbak has one. */
  restoreChecked?(target: string): Promise<Measured>;
  /** Where below `target` the restored source is. */
  restoredPath(target: string, source: string): string;
  /** Bytes of the repository. */
  stored(): number;
}

/** The first line of a program's version, undefined where it is not installed. */
export function versionOf(program: string, ...args: readonly string[]): string | undefined {
  try {
    return execFileSync(program, args, { encoding: 'utf8' }).split('\n')[0];
  } catch {
    return undefined;
  }
}

/** Bytes of all files below a directory. */
export function sizeOf(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

const PUT_ASIDE = '.removed-';
let putAside = 0;

/**
 * Puts files and directories out of the way, whether they are there or not. They are deleted with the directory they
 * lie in, when the suite is over: for minutes after a deletion ext4 looks at each deleted inode before it gives out a
 * new one, and whoever restores next would pay for it.
 */
export function remove(...paths: readonly string[]): void {
  for (const path of paths) {
    if (!existsSync(path)) continue;
    putAside += 1;
    renameSync(path, join(dirname(path), `${PUT_ASIDE}${putAside}`));
  }
}

/** Deletes what has few files, as repositories do. */
export function deleteAll(...paths: readonly string[]): void {
  for (const path of paths) rmSync(path, { recursive: true, force: true });
}

/** Deletes what was removed from a directory. */
export function deleteRemoved(directory: string): void {
  for (const name of readdirSync(directory)) {
    if (name.startsWith(PUT_ASIDE)) rmSync(join(directory, name), { recursive: true, force: true });
  }
}
