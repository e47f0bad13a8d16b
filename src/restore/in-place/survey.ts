/** What a restore over a directory would do, found out without changing anything. Implements §22.8 step 1. */

import { realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { NbakError } from '../../errors.js';
import type { ManifestRoot, Scope } from '../../format/manifest.js';
import { pathToText, type BytePath } from '../../format/path.js';
import { scopeOfRoot } from '../../source/root-scope.js';
import { readPlan } from '../plan.js';
import type { PlannedEntry, RestoreSource } from '../result.js';
import { Selector, type Selection } from '../selection.js';
import type { EntryKind } from '../../format/entry.js';
import { compareTrees, type Comparison, type NewTree } from './compare.js';
import { addAncestors, readOldTree, type OldTree } from './old-tree.js';
import type { RestoreOverOptions } from './result.js';

/** What a backup brings to one target, and where that lies in a staged tree. */
export interface Survey {
  /** Real path, one character per byte. */
  readonly target: string;
  /** The rules of the backup for it. */
  readonly scope: Scope;
  /** What stands before a path below the target in the places of a restore: a root's name, or nothing. */
  readonly stagedPrefix: BytePath;
  readonly entries: ReadonlyMap<BytePath, PlannedEntry>;
  /** Says whether the user asked for this entry itself, and not only for something below it. */
  isAskedFor(path: BytePath): boolean;
  /** Looks at the target as it is now. @throws NbakError `TARGET_CONFLICT` … */
  compare(isMade: NewTree['isMade']): { readonly old: OldTree; readonly comparison: Comparison };
}

const NO_RULES: Scope = { exclude: [], excludeCaches: false, oneFileSystem: false };

/**
 * Reads the backup's list for a target.
 *
 * @throws NbakError `TARGET_FAILED` where there is no such directory, `USAGE_INVALID` where it is not clear which root
 *   belongs there, or what reading pages throws.
 */
export async function survey(source: RestoreSource, options: RestoreOverOptions): Promise<Survey> {
  const target = realDirectory(options.restore.target);
  const isInPlace = options.policy.way === 'in-place';
  const root = isInPlace ? chooseRoot(source, options, target) : onlyRoot(source);
  const selection = isInPlace ? within(options.restore.selection, source, root) : options.restore.selection;
  const prefix = (root === undefined || source.detail.roots.length === 1 ? '' : root.name) as BytePath;
  const entries = new Map<BytePath, PlannedEntry>();
  for (const each of (await readPlan(source, selection)).entries)
    entries.set((prefix === '' ? each.place : each.place.slice(prefix.length + 1)) as BytePath, each);
  const only = isInPlace ? singleFile(root, entries) : undefined;
  const selector = new Selector(selection, source.detail);
  const unread = unreadBelow(source, root);
  const selects = (path: BytePath, kind: EntryKind): boolean => {
    if (only !== undefined) return path === only;
    if (!entries.has(path) && unread.some((each) => path === each || path.startsWith(`${each}/`)))
      return false;
    // Several roots are only ever overwritten, which touches nothing that they do not have.
    return root === undefined || selector.selects({ root, entry: { path, kind } });
  };
  const leadsToNew = new Set<BytePath>();
  for (const path of entries.keys()) addAncestors(leadsToNew, path);
  const scope = scopeOf(source, root);
  const view = {
    root: { directory: target, ...(only !== undefined && { only }) },
    scope: isInPlace || deletes(options) ? scope : NO_RULES,
    keep: new Set(options.keep.flatMap(inodeOf)),
    selects: (path: BytePath, { kind }: { readonly kind: EntryKind }) => selects(path, kind),
    leadsToNew,
  };
  return {
    target,
    scope,
    stagedPrefix: prefix,
    entries,
    isAskedFor: (path) => selects(path, entries.get(path)?.entry.kind ?? 'directory'),
    compare(isMade) {
      const old = readOldTree(view);
      const comparison = compareTrees(old, { entries, isMade }, options.policy);
      assertNoConflict(comparison.conflicts);
      return { old, comparison };
    },
  };
}

/** The rules of one root. */
function scopeOf({ detail }: RestoreSource, root: ManifestRoot | undefined): Scope {
  return root === undefined ? NO_RULES : scopeOfRoot(detail.scope, detail.roots.indexOf(root));
}

function deletes({ policy }: RestoreOverOptions): boolean {
  return policy.way === 'overwrite' && policy.extras === 'delete';
}

function realDirectory(path: string): string {
  const given = resolve(path);
  try {
    const real = realpathSync.native(given, { encoding: 'buffer' });
    if (statSync(real).isDirectory()) return real.toString('latin1');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
  }
  throw new NbakError('TARGET_FAILED', `There is no directory ${given} to restore over`, {
    details: { target: given },
    hint: 'Restore to a new directory with --target.',
  });
}

function onlyRoot({ detail }: RestoreSource): ManifestRoot | undefined {
  return detail.roots.length === 1 ? detail.roots[0] : undefined;
}

/** The root that belongs in the target: the named one, the only one, or the one that was backed up from there. */
function chooseRoot(source: RestoreSource, { root: name }: RestoreOverOptions, target: string): ManifestRoot {
  const { detail } = source;
  const wanted =
    name !== undefined
      ? detail.roots.find((each) => pathToText(each.name) === name)
      : (onlyRoot(source) ?? detail.roots.find((each) => each.path === target));
  if (wanted !== undefined) return wanted;
  const names = detail.roots.map((each) => pathToText(each.name));
  throw new NbakError(
    'USAGE_INVALID',
    name === undefined
      ? `The backup has ${names.length} roots, and none was backed up from this directory`
      : `The backup has no root ${name}`,
    { details: { roots: names }, hint: `Say which one with --root: ${names.join(', ')}.` },
  );
}

/** What the backup could not read it says nothing of: that it is not there does not mean that it is to go. */
function unreadBelow({ detail }: RestoreSource, root: ManifestRoot | undefined): readonly BytePath[] {
  const prefix = `${root?.name ?? ''}/`;
  return detail.unreadable.flatMap(([path]) =>
    path.startsWith(prefix) ? [path.slice(prefix.length) as BytePath] : [],
  );
}

/** The selection narrowed to one root of several. */
function within(selection: Selection, { detail }: RestoreSource, root: ManifestRoot | undefined): Selection {
  if (root === undefined || detail.roots.length === 1) return selection;
  return { ...selection, only: (place) => place === root.name || place.startsWith(`${root.name}/`) };
}

/**
 * The name of the one file that was backed up, undefined for a directory. A directory that has its own name as its only
 * entry looks the same; then what else is in the target stays, which harms nothing.
 */
function singleFile(
  root: ManifestRoot | undefined,
  entries: ReadonlyMap<BytePath, PlannedEntry>,
): BytePath | undefined {
  if (root?.entries !== 2) return undefined;
  const name = root.path.slice(root.path.lastIndexOf('/') + 1) as BytePath;
  const kind = entries.get(name)?.entry.kind;
  return kind === undefined || kind === 'directory' ? undefined : name;
}

function inodeOf(path: string): readonly string[] {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? [] : [`${stat.dev}:${stat.ino}`];
}

function assertNoConflict(conflicts: readonly BytePath[]): void {
  const [first] = conflicts;
  if (first === undefined) return;
  throw new NbakError(
    'TARGET_CONFLICT',
    `${pathToText(first)} has to stay, and the backup has something else there`,
    {
      details: { paths: conflicts.slice(0, MOST_NAMED).map(pathToText), count: conflicts.length },
      hint: 'Nothing was changed. Restore to another directory, or move it away first.',
    },
  );
}

const MOST_NAMED = 20;
