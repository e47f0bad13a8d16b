/** What is in a target before a swap, and how far the scope reaches into it. Implements §22.5.1. */

import { statfsSync } from 'node:fs';
import { NbakError } from '../../errors.js';
import type { Scope } from '../../format/manifest.js';
import { parentPath, pathToText, type BytePath } from '../../format/path.js';
import type { SeenEntry, SourceEntry } from '../../source/entry.js';
import { sourcePath, type SourceRoot } from '../../source/root.js';
import { scopeWalk } from '../../source/scope-walk.js';
import { sniffDatabase } from '../../source/sqlite/header.js';
import { lookAt, walk, type SourceProblem } from '../../source/walk.js';
import { mountPoints } from './mount-points.js';

/** How a target is looked at. */
export interface OldTreeOptions {
  readonly root: SourceRoot;
  readonly scope: Scope;
  /** `device:inode` of what stays whatever the rules say: repository and cache. */
  readonly keep: ReadonlySet<string>;
  /** The user's selection. */
  readonly selects: (path: BytePath, entry: SeenEntry) => boolean;
  /** Directories that something new lies in. */
  readonly leadsToNew: ReadonlySet<BytePath>;
}

/** The entries of a target. */
export interface OldTree {
  /** What may be swapped, and directories above it. */
  readonly entries: ReadonlyMap<BytePath, SeenEntry>;
  /** What stays where it is, with all below it. */
  readonly left: ReadonlySet<BytePath>;
  /** What cannot be moved as a whole: mount points, and directories above those or above something that is left. */
  readonly fixed: ReadonlySet<BytePath>;
  /** Directories that are mount points. */
  readonly mounts: readonly BytePath[];
  isDatabase(path: BytePath): boolean;
  /** Everything about one entry. */
  lookAt(path: BytePath): SourceEntry | undefined;
}

/**
 * Reads a target by the same walk that a backup makes, and once more without its rules: what only the second sees is
 * out of scope.
 *
 * @throws NbakError `TARGET_FAILED` for what cannot be looked at, `RESTORE_UNFINISHED` for a target inside the target.
 */
export function readOldTree(options: OldTreeOptions): OldTree {
  const { root, selects } = options;
  const inScope = new Map<BytePath, SeenEntry>();
  const above = new Set<BytePath>(options.leadsToNew);
  const skipInode = (device: number, inode: number): boolean => options.keep.has(`${device}:${inode}`);
  for (const entry of scopeWalk(options.scope)(root, { onProblem: refuse, skipInode })) {
    inScope.set(entry.path, entry);
    if (selects(entry.path, entry)) addAncestors(above, entry.path);
  }
  const entries = new Map<BytePath, SeenEntry>();
  const left = new Set<BytePath>();
  const fixed = new Set<BytePath>();
  const stays = (path: BytePath): boolean => {
    const entry = inScope.get(path);
    if (entry === undefined) return true;
    return !selects(path, entry) && !(entry.kind === 'directory' && above.has(path));
  };
  const everything = walk(root.only === undefined ? root : { directory: root.directory }, {
    onProblem: refuse,
    exclude(path) {
      if (!stays(path)) return false;
      left.add(path);
      addAncestors(fixed, path);
      return true;
    },
  });
  for (const { path } of everything) {
    const entry = inScope.get(path);
    if (entry !== undefined) entries.set(path, entry);
  }
  const mounts: BytePath[] = [];
  for (const path of mountsOf(root, entries)) {
    fixed.add(path);
    addAncestors(fixed, path);
    if (entries.get(path)?.kind === 'directory') mounts.push(path);
  }
  if (statfsSync(sourcePath(root, '' as BytePath)).type === OVERLAY) {
    for (const { path, kind } of entries.values()) if (kind === 'directory') fixed.add(path);
  }
  return {
    entries,
    left,
    fixed,
    mounts,
    isDatabase: (path) => sniffDatabase(sourcePath(root, path)) !== undefined,
    lookAt: (path) => lookAt(root, path),
  };
}

/** OVERLAYFS_SUPER_MAGIC. Directories of its lower layers cannot be renamed. */
const OVERLAY = 0x794c7630;

/** Adds the directories above a path, the root among them. */
export function addAncestors(set: Set<BytePath>, path: BytePath): void {
  for (let at = parentPath(path); at !== undefined && !set.has(at); at = parentPath(at)) set.add(at);
}

function mountsOf(root: SourceRoot, entries: ReadonlyMap<BytePath, SeenEntry>): ReadonlySet<BytePath> {
  const found = new Set([...mountPoints(root.directory).below].filter((path) => entries.has(path)));
  // Subvolumes of some file systems are in no list of mounts, and no rename crosses their border either.
  for (const { path, kind, device } of entries.values()) {
    const parent = parentPath(path);
    if (parent !== undefined && kind === 'directory' && entries.get(parent)?.device !== device)
      found.add(path);
  }
  return found;
}

function refuse({ path, code, message }: SourceProblem): never {
  const shown = pathToText(path) || '.';
  throw new NbakError(
    code === 'RESTORE_UNFINISHED' ? code : 'TARGET_FAILED',
    `Cannot restore over ${shown}: ${message}`,
    { details: { path: shown, reason: code }, hint: 'Nothing was changed.' },
  );
}
