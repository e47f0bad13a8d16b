/** Reads a directory tree on its own account, not with the program's walk, which is on trial here. */

import { lstatSync, readdirSync, type BigIntStats } from 'node:fs';

/** One entry: `path` is relative, '' for the top, with one character per byte, since names need not be UTF-8. */
export interface TreeEntry {
  readonly path: string;
  readonly stat: BigIntStats;
}

/** Whatever is below `top`, itself first; what cannot be read or goes away is left out. */
export function* readTree(top: string, path = ''): Generator<TreeEntry, void, void> {
  const stat = look(top, path);
  if (stat === undefined) return;
  yield { path, stat };
  if (!stat.isDirectory()) return;
  for (const name of list(top, path)) yield* readTree(top, path === '' ? name : `${path}/${name}`);
}

/** The facts of one entry, undefined where there is none. */
export function look(top: string, path: string): BigIntStats | undefined {
  try {
    return lstatSync(placeOf(top, path), { bigint: true });
  } catch {
    return undefined;
  }
}

/** An entry's place on disk, as bytes. */
export function placeOf(top: string, path: string): Buffer {
  return Buffer.concat([Buffer.from(path === '' ? top : `${top}/`), Buffer.from(path, 'latin1')]);
}

/** A path for people. */
export function pathText(path: string): string {
  return Buffer.from(path, 'latin1').toString('utf8') || '.';
}

/** Remembers every entry by what changes whenever it does. */
export function stampTree(top: string): ReadonlyMap<string, string> {
  const stamps = new Map<string, string>();
  for (const { path, stat } of readTree(top)) stamps.set(path, stampOf(stat));
  return stamps;
}

/** The kernel sets ctime on every change and lets nobody choose it. */
export function stampOf({ ctimeNs, size, ino }: BigIntStats): string {
  return `${ctimeNs}:${size}:${ino}`;
}

function list(top: string, path: string): string[] {
  try {
    return readdirSync(placeOf(top, path), { encoding: 'buffer' }).map((name) => name.toString('latin1'));
  } catch {
    return [];
  }
}
