/** What a directory tree is: names, bytes, modes, owners, times, links; to compare a source with what came back. */

import { createCipheriv, createHash } from 'node:crypto';
import { lchownSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** How a tree is looked at. */
export interface TreeOptions {
  /** Modification times, to the microsecond, which is what Node can set; default true. */
  readonly times?: boolean;
  /** Leaves out what is named here, directly in the root. */
  readonly without?: readonly string[];
}

/** One line per entry below `directory` and one for itself; names are bytes, shown as latin1. */
export function describeTree(directory: string, { times = true, without = [] }: TreeOptions = {}): string[] {
  const lines: string[] = [];
  const firstNames = new Map<bigint, string>();
  visit(Buffer.from(directory), '');
  return lines.sort();

  function visit(path: Buffer, name: string): void {
    const stat = lstatSync(path, { bigint: true });
    const facts: (string | number | bigint)[] = [
      JSON.stringify(name),
      stat.mode.toString(8),
      stat.uid,
      stat.gid,
    ];
    if (times) facts.push(stat.mtimeNs / 1000n);
    if (stat.isSymbolicLink()) facts.push(`-> ${readlinkSync(path, 'latin1')}`);
    if (stat.isFile()) {
      facts.push(stat.size, createHash('sha256').update(readFileSync(path)).digest('hex'));
      const first = firstNames.get(stat.ino);
      if (first === undefined) firstNames.set(stat.ino, name);
      else facts.push(`same as ${first}`);
    }
    lines.push(facts.join(' '));
    if (!stat.isDirectory()) return;
    // In one order, so that the first name of a hard link is the same in both trees.
    const children = readdirSync(path, { encoding: 'buffer' }).sort((a, b) => a.compare(b));
    for (const child of children) {
      const shown = child.toString('latin1');
      if (name === '' && without.includes(shown)) continue;
      visit(Buffer.concat([path, Buffer.from('/'), child]), name === '' ? shown : `${name}/${shown}`);
    }
  }
}

/** All bytes of all files below `directory`, names included, to search for what must not be there. */
export function allBytes(directory: string): Buffer {
  const parts = (readdirSync(directory, { recursive: true }) as string[]).flatMap((name) => {
    const path = `${directory}/${name}`;
    return [Buffer.from(`${name}\n`), lstatSync(path).isFile() ? readFileSync(path) : Buffer.alloc(0)];
  });
  return Buffer.concat(parts);
}

/** `length` pseudo-random bytes, the same for the same seed. */
export function randomLike(length: number, seed = 1): Buffer {
  const key = createHash('sha256').update(String(seed)).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

/** Gives `path` and everything below it to `uid`. */
export function chownTree(path: string, uid: number): void {
  lchownSync(path, uid, uid);
  if (!lstatSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) chownTree(`${path}/${name}`, uid);
}
