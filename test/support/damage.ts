/** Damage to a repository on disk: bits flipped, objects taken away. */

import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Names of a repository's objects whose name begins with `prefix`, sorted. */
export function objectsOf(repository: string, prefix: string): string[] {
  return (readdirSync(repository, { recursive: true }) as string[])
    .filter((name) => name.startsWith(prefix) && statSync(join(repository, name)).isFile())
    .sort();
}

/** Names of a repository's packs. */
export function packsOf(repository: string): string[] {
  return objectsOf(repository, 'packs/');
}

/** Flips the lowest bit of one byte; a negative offset counts from the end. */
export function flipBit(file: string, offset: number): void {
  const bytes = readFileSync(file);
  const at = offset < 0 ? bytes.length + offset : offset;
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  chmodSync(file, 0o600);
  writeFileSync(file, bytes);
}

/** Removes one object. */
export function takeAway(repository: string, name: string): void {
  rmSync(join(repository, name));
}
