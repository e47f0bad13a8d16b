/** Which directories and files below a directory are mount points, which a rename can neither replace nor move. */

import { lstatSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { BytePath } from '../../format/path.js';

/** The mount points at and below one directory. */
export interface MountPoints {
  /** The directory is one itself. */
  readonly self: boolean;
  /** Relative to it. */
  readonly below: ReadonlySet<BytePath>;
}

/**
 * Looks them up in the kernel's list, which also has bind mounts of the same file system; where there is none, by
 * device numbers alone, which tells it only for the directory itself.
 *
 * @param directory - a real path, one character per byte.
 */
export function mountPoints(directory: string): MountPoints {
  const mounted = readMounts();
  const prefix = directory === '/' ? '/' : `${directory}/`;
  const below = mounted.filter((path) => path.startsWith(prefix) && path !== prefix);
  return {
    self: mounted.includes(directory) || isOtherDevice(directory),
    below: new Set(below.map((path) => path.slice(prefix.length) as BytePath)),
  };
}

function readMounts(): readonly string[] {
  let text: string;
  try {
    text = readFileSync('/proc/self/mountinfo', 'latin1');
  } catch {
    return [];
  }
  // "36 35 98:0 /root /mount\040point rw …"
  return text.split('\n').flatMap((line) => {
    const escaped = line.split(' ')[4];
    if (escaped === undefined) return [];
    return [
      escaped.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8))),
    ];
  });
}

function isOtherDevice(directory: string): boolean {
  const at = (path: string): number => lstatSync(Buffer.from(path, 'latin1')).dev;
  return at(directory) !== at(dirname(directory));
}
