/** A copy of a repository with one bit turned round in its largest pack. */

import {
  closeSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** Where the bit was turned. */
export interface FlippedBit {
  /** The object's name in the repository. */
  readonly object: string;
  readonly offset: number;
  readonly size: number;
}

/** Behind the first frame's header and commitment (§6.1), so that even a tiny pack is hit in its data. */
const FIRST_CIPHERTEXT_BYTE = 108;

/**
 * Copies `repository` to `copy` and turns one bit round there. The other objects are hard links: they are
 * never written again, and a large repository needs no room twice.
 *
 * @returns undefined when the repository has no pack.
 */
export function copyWithOneBitFlipped(repository: string, copy: string): FlippedBit | undefined {
  const objects = listObjects(repository);
  const packs = objects.filter(({ name }) => name.startsWith('packs/')).sort((a, b) => b.size - a.size);
  const [victim] = packs;
  if (victim === undefined) return undefined;
  for (const { name } of objects) {
    mkdirSync(dirname(join(copy, name)), { recursive: true, mode: 0o700 });
    if (name === victim.name) copyFileSync(join(repository, name), join(copy, name));
    else linkOrCopy(join(repository, name), join(copy, name));
  }
  const offset = victim.size > 64 * 1024 ? Math.floor(victim.size / 2) : FIRST_CIPHERTEXT_BYTE;
  flip(join(copy, victim.name), offset);
  return { object: victim.name, offset, size: victim.size };
}

function listObjects(repository: string): { readonly name: string; readonly size: number }[] {
  return readdirSync(repository, { recursive: true, encoding: 'utf8' })
    .map((name) => ({ name, stat: statSync(join(repository, name)) }))
    .filter(({ stat }) => stat.isFile())
    .map(({ name, stat }) => ({ name, size: stat.size }));
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    // Not every filesystem has hard links.
    copyFileSync(from, to);
  }
}

function flip(file: string, offset: number): void {
  const descriptor = openSync(file, 'r+');
  try {
    const byte = Buffer.alloc(1);
    readSync(descriptor, byte, 0, 1, offset);
    byte.writeUInt8(byte.readUInt8(0) ^ 1, 0);
    writeSync(descriptor, byte, 0, 1, offset);
  } finally {
    closeSync(descriptor);
  }
}
