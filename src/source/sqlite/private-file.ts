/** Files that receive plaintext: SQLite opens them while they are empty, then they lose their name. */
import { closeSync, openSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';

/** One such file, open for reading and writing in the parent. */
export interface PrivateFile {
  readonly path: string;
  readonly descriptor: number;
}

/** Creates the empty file `name` in a private directory, mode 0600, never over another. */
export function createPrivateFile(directory: string, name: string): PrivateFile {
  const path = join(directory, name);
  return { path, descriptor: openSync(path, 'wx+', 0o600) };
}

/**
 * Takes the name from the file at `path` and gives it to an empty one: who has it open keeps it, and SQLite, which
 * stats a database's name before it makes a sidecar, still finds something. To be called before the first content.
 */
export function replaceByDecoy(path: string): void {
  unlinkSync(path);
  closeSync(openSync(path, 'wx', 0o600));
}

/** Removes a decoy and the empty sidecars SQLite made beside it. */
export function removeDecoy(path: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) {
    try {
      unlinkSync(path + suffix);
    } catch {
      // Most of them never existed.
    }
  }
}
