/** The order of looking (DESIGN §6): databases at one moment, and after that moment the tree. */

import type { BytePath } from '../format/path.js';
import { hasUsualName } from '../source/sqlite/looks-like-database.js';
import type { DatabaseMemory } from './database-memory.js';
import type { FoundDatabase, SeenDatabases } from './databases.js';
import { Problems } from './problems.js';
import { scan } from './scan.js';
import type { BackupRoot, BackupScope } from './scope.js';
import { seeTree, type SeenTree } from './tree.js';

/** What a backup goes by. */
export interface SeenSource {
  readonly databases: SeenDatabases;
  /** Files as they were after that moment: what a captured row speaks of was there before the row. */
  readonly tree: SeenTree;
}

/** What seeing works with. */
export interface SeeParts {
  readonly signal: AbortSignal;
  readonly memory: DatabaseMemory | undefined;
  /** Sees databases at one moment; until `signal` says otherwise they are being stored from then on. */
  readonly see: (found: readonly FoundDatabase[], signal: AbortSignal) => Promise<SeenDatabases>;
}

/**
 * Sees databases and tree.
 *
 * @remarks Only a walk can tell which files are databases, and the one that counts comes after the moment. So it is
 *   guessed where they are; a walk that finds others than the guessed ones has them all seen anew, and is made again.
 */
export async function seeSource(scope: BackupScope, { signal, memory, see }: SeeParts): Promise<SeenSource> {
  const likely = await likelyDatabases(scope, { signal, memory });
  const guessing = new AbortController();
  const guessed = await see(likely, AbortSignal.any([signal, guessing.signal]));
  const tree = await seeTree(scope, { signal });
  const { databases: found } = tree.found;
  if (isCapture(guessed) && areSame(likely, found)) return { databases: guessed, tree };
  guessing.abort();
  await guessed.stored.catch(() => undefined);
  const databases = await see(found, signal);
  return { databases, tree: isCapture(databases) ? await seeTree(scope, { signal }) : tree };
}

/** Databases where the last backup found some, and those directly in a root that are called like one. */
async function likelyDatabases(
  scope: BackupScope,
  { signal, memory }: Pick<SeeParts, 'signal' | 'memory'>,
): Promise<readonly FoundDatabase[]> {
  const among = (root: BackupRoot): ((path: BytePath) => boolean) => {
    const known = new Set(memory?.pathsOf(root).flatMap(withDirectories));
    return (path) => known.has(path) || (!path.includes('/') && hasUsualName(path));
  };
  // What cannot be read is found again by the walk that counts.
  const { databases } = await scan(scope, { signal, problems: new Problems(), among });
  return databases;
}

/** A path and all directories above it. */
function withDirectories(path: BytePath): readonly BytePath[] {
  const ends = [...path.matchAll(/\//g)].map(({ index }) => index);
  return [...ends.map((end) => path.slice(0, end) as BytePath), path];
}

function isCapture({ databases }: SeenDatabases): boolean {
  return [...databases.values()].some(({ isChanged }) => isChanged);
}

function areSame(some: readonly FoundDatabase[], others: readonly FoundDatabase[]): boolean {
  return (
    some.length === others.length &&
    some.every(({ root, path }, i) => others[i]?.root === root && others[i].path === path)
  );
}
