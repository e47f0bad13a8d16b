/** Files as an application leaves them, with its modes; and the classes that tests ask about. */

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Path below the root → content. */
export type Files = Readonly<Record<string, string | Uint8Array>>;

/** What a built directory is made of. All paths are relative to `root`. */
export interface BuiltSystem {
  readonly root: string;
  readonly databases: readonly BuiltDatabase[];
  /** Files that a backup has to hold. */
  readonly kept: readonly string[];
  /** Files with secrets of the application, mode 0600; never in anything that is not encrypted. */
  readonly secret: readonly string[];
  /** Caches, half-written files and others that may stay out. */
  readonly optional: readonly string[];
  /** Files that no backup may hold: locks, process ids, the application's own backups, queues. */
  readonly never: readonly string[];
}

export interface BuiltDatabase {
  readonly path: string;
  readonly journal: 'wal' | 'delete';
  /** Rows that are in the log alone: `VACUUM INTO` sees them, a copy of the file does not. */
  readonly rowsInLog: number;
}

/** Writes files with one mode, and the directories above them with `directoryMode`. */
export function writeFiles(
  root: string,
  files: Files,
  { mode = 0o644, directoryMode = 0o755 } = {},
): readonly string[] {
  for (const [path, content] of Object.entries(files)) {
    makeDirectory(root, dirname(path), directoryMode);
    writeFileSync(join(root, path), content);
    chmodSync(join(root, path), mode);
  }
  return Object.keys(files);
}

/** Makes a directory below `root`; `mode` is given to those that are new. */
export function makeDirectory(root: string, path: string, mode = 0o755): void {
  const first = mkdirSync(join(root, path), { recursive: true });
  if (first === undefined) return;
  for (let made = join(root, path); made.length >= first.length; made = dirname(made)) chmodSync(made, mode);
}

/** Text of JSON as these applications write it. */
export function json(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
