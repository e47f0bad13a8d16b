/** The temporary directory in which a quickstart keeps everything it writes. */

import { mkdtempSync, realpathSync, rmSync, chmodSync, lstatSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve, sep } from 'node:path';

/** Directories and files of one run; `root` is 0700. */
export class Workplace {
  readonly root: string;

  /**
   * Makes the directory.
   *
   * @param apartFrom - a directory of the user's in which nothing may be written.
   * @throws Error when the system's temporary directory lies in it.
   */
  constructor(apartFrom?: string) {
    const parent = realpathSync(tmpdir());
    if (apartFrom !== undefined && isWithin(parent, realpathSync(apartFrom))) {
      throw new Error(
        `The temporary directory ${parent} lies in ${apartFrom}, and nothing is written there. Set TMPDIR to a directory elsewhere.`,
      );
    }
    this.root = mkdtempSync(join(parent, 'nbak-quickstart-'));
  }

  /** A path below the root. */
  path(name: string): string {
    return join(this.root, name);
  }

  /** Removes everything, restored directories that forbid it included. */
  remove(): void {
    makeWritable(this.root);
    rmSync(this.root, { recursive: true, force: true });
  }
}

function isWithin(path: string, directory: string): boolean {
  return resolve(path) === directory || path.startsWith(directory === sep ? sep : directory + sep);
}

function makeWritable(directory: string): void {
  chmodSync(directory, 0o700);
  for (const entry of readdirSync(directory, { withFileTypes: true, encoding: 'buffer' })) {
    const path = Buffer.concat([Buffer.from(`${directory}/`), entry.name]).toString('latin1');
    if (entry.isDirectory() && lstatSync(Buffer.from(path, 'latin1')).isDirectory()) makeWritable(path);
  }
}
