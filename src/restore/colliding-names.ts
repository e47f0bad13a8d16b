/** Names that the target's file system takes for one: by case, or by how Unicode composes their letters (§22.1). */

import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NbakError } from '../errors.js';
import { parentPath, pathToBytes, pathToText, type BytePath } from '../format/path.js';

/** What a file system does not tell apart. */
export interface Folding {
  readonly cases: boolean;
  /** `é` as one character and as two. */
  readonly forms: boolean;
}

/** Two paths of one backup that cannot both be in one directory. */
export type Collision = readonly [first: BytePath, second: BytePath];

/** Finds out what a directory's file system folds, with files that are gone again when it returns. */
export function foldingOf(directory: string): Folding {
  const isOne = (name: string, other: string): boolean => {
    try {
      writeFileSync(join(directory, name), '', { flag: 'wx' });
      return existsSync(join(directory, other));
    } finally {
      rmSync(join(directory, name), { force: true });
    }
  };
  return {
    cases: isOne('nbak-case', 'NBAK-CASE'),
    forms: isOne('nbak-é'.normalize('NFC'), 'nbak-é'.normalize('NFD')),
  };
}

/**
 * Finds paths that a file system which folds so takes for one. Where two directories collide, what is below them is
 * not named again. File systems differ in rare letters: what any of them might take for one is found.
 */
export function collisionsOf(paths: Iterable<BytePath>, folding: Folding): readonly Collision[] {
  if (!folding.cases && !folding.forms) return [];
  const seen = new Map<string, BytePath>();
  const collisions: Collision[] = [];
  for (const path of paths) {
    const key = fold(path, folding);
    const first = seen.get(key);
    if (first === undefined) seen.set(key, path);
    else if (parentPath(first) === parentPath(path)) collisions.push([first, path]);
  }
  return collisions;
}

/**
 * Refuses paths that cannot all be in one place.
 *
 * @param target - for the message.
 * @throws NbakError `TARGET_CONFLICT`.
 */
export function assertDistinct(paths: Iterable<BytePath>, folding: Folding, target: string): void {
  const collisions = collisionsOf(paths, folding);
  const [first] = collisions;
  if (first === undefined) return;
  throw new NbakError(
    'TARGET_CONFLICT',
    `${first.map(pathToText).join(' and ')} have one name on the file system of ${target}`,
    {
      details: {
        paths: collisions.slice(0, MOST_NAMED).flat().map(pathToText),
        count: collisions.length,
      },
      hint: 'Nothing was restored. Restore to a file system that tells them apart, or leave one of each out with --exclude.',
    },
  );
}

/** Collisions that an error lists. */
const MOST_NAMED = 20;

/** Text that is the same for all paths that are one. */
function fold(path: BytePath, { cases, forms }: Folding): string {
  let text: string;
  try {
    text = UTF8.decode(pathToBytes(path));
  } catch {
    // No text: its letters have neither case nor form, beyond ASCII.
    return cases ? path.toLowerCase() : path;
  }
  if (forms) text = text.normalize('NFD');
  // Up and down: `ß` and `ſ` have capitals that are those of others.
  if (cases) text = text.toUpperCase().toLowerCase();
  return forms ? text.normalize('NFD') : text;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
