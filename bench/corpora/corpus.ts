/** What a corpus is: how it is made, and how it is checked before anything is timed on it. */

import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';

/** A corpus that can be made. */
export interface CorpusPlan {
  readonly name: string;
  /** Fills a directory that exists and is empty. */
  make(directory: string): void;
  /** Least and most of what must come out. */
  readonly expected: {
    readonly files: readonly [number, number];
    readonly bytes: readonly [number, number];
  };
}

/** What was made: the same on every machine, but for the bytes that SQLite's version writes into databases. */
export interface CorpusFacts {
  readonly name: string;
  readonly files: number;
  readonly bytes: number;
  /** Over paths, lengths and content, in path order. */
  readonly sha256: string;
}

const BUFFER = Buffer.alloc(4 * 1024 * 1024);

/** Looks at every byte of a corpus. @throws Error when it is not what the plan says. */
export function checkCorpus({ name, expected }: CorpusPlan, directory: string): CorpusFacts {
  const hash = createHash('sha256');
  let files = 0;
  let bytes = 0;
  for (const path of filesBelow(directory)) {
    const length = hashFile(join(directory, path), (part) => hash.update(part));
    hash.update(`\0${path}\0${length}\0`);
    files += 1;
    bytes += length;
  }
  for (const [what, found, [least, most]] of [
    ['files', files, expected.files],
    ['bytes', bytes, expected.bytes],
  ] as const) {
    if (found < least || found > most)
      throw new Error(`the corpus ${name} has ${found} ${what}, expected ${least} to ${most}`);
  }
  return { name, files, bytes, sha256: hash.digest('hex') };
}

/** Paths of all files below a directory, in the order of their bytes. */
export function filesBelow(directory: string): readonly string[] {
  const paths: string[] = [];
  const visit = (prefix: string): void => {
    for (const entry of readdirSync(join(directory, prefix), { withFileTypes: true })) {
      const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
      if (entry.isDirectory()) visit(path);
      else paths.push(path);
    }
  };
  visit('');
  return paths.sort();
}

function hashFile(path: string, update: (part: Uint8Array) => void): number {
  const descriptor = openSync(path, 'r');
  let length = 0;
  for (;;) {
    const count = readSync(descriptor, BUFFER, 0, BUFFER.length, length);
    if (count === 0) break;
    update(BUFFER.subarray(0, count));
    length += count;
  }
  closeSync(descriptor);
  return length;
}
