/** What a backup takes in: its roots, their names, and the walk over each under the rules in force. */

import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { NbakError } from '../errors.js';
import type { Scope } from '../format/manifest.js';
import { joinPath, pathToText, type BytePath } from '../format/path.js';
import { resolveRoot, sourcePath, type SourceRoot } from '../source/root.js';
import { joinPatterns, scopeOfRoot } from '../source/root-scope.js';
import { plainSource, type RuledSource } from '../source/ruled-source.js';
import { includeRule, type PathRule } from '../source/rules.js';
import { scopeWalk, type ScopeWalk } from '../source/scope-walk.js';
import { assertNoUnfinishedRestore } from '../source/unfinished-restore.js';
import type { SeenEntry } from '../source/entry.js';
import type { WalkOptions } from '../source/walk.js';
import type { BackupSelection } from './result.js';

/** One root of a backup. */
export interface BackupRoot {
  readonly source: SourceRoot;
  /** A single component, unique in the backup. */
  readonly name: BytePath;
  /** Absolute path as bytes, for the manifest. */
  readonly path: BytePath;
  /** What is peculiar to it. */
  readonly rules: RuledSource;
}

/** The roots and rules of one backup. */
export class BackupScope {
  readonly roots: readonly BackupRoot[];
  /** The rules in force, as the manifest says them (§11.3). */
  readonly recorded: Scope;
  readonly #walks: ReadonlyMap<BackupRoot, ScopeWalk>;
  readonly #logs: ReadonlyMap<BackupRoot, PathRule>;
  readonly #skipped: ReadonlySet<string>;

  /**
   * Resolves the sources.
   *
   * @throws NbakError `SOURCE_NOT_FOUND` when one does not exist; `RESTORE_UNFINISHED`; `USAGE_INVALID` when there is
   *   none.
   */
  constructor(selection: BackupSelection) {
    if (selection.sources.length === 0)
      throw new NbakError('USAGE_INVALID', 'There is nothing to back up: no SOURCE was given');
    const names = new Set<string>();
    const roots = new Map<BytePath, BackupRoot>();
    for (const given of selection.sources) {
      const rules = typeof given === 'string' ? plainSource(given) : given;
      const source = resolveRoot(rules.path);
      const path = rootPath(source);
      assertNoUnfinishedRestore(pathToText(path));
      // `backup src src/` names one directory.
      if (!roots.has(path)) roots.set(path, { source, path, name: uniqueName(names, path), rules });
    }
    this.roots = [...roots.values()];
    const { exclude, excludeCaches, oneFileSystem } = selection;
    const own = this.roots.map(({ rules }) => rules.exclude);
    this.recorded = { exclude: joinPatterns(own, exclude), excludeCaches, oneFileSystem };
    // By what is recorded, so that a restore sees the same.
    this.#walks = new Map(this.roots.map((root, i) => [root, scopeWalk(scopeOfRoot(this.recorded, i))]));
    this.#logs = new Map(this.roots.map((root) => [root, includeRule(root.rules.appendOnly)]));
    this.#skipped = new Set(selection.skip.flatMap(inodeKey));
  }

  /** Walks one root in path order; where `among` is given, only what it is true for. */
  walk(
    root: BackupRoot,
    { onProblem, among }: Pick<WalkOptions, 'onProblem' | 'among'>,
  ): Generator<SeenEntry, void, void> {
    const scoped = this.#walks.get(root);
    if (scoped === undefined) throw new RangeError('the root is of another scope');
    return scoped(root.source, {
      onProblem,
      ...(among && { among }),
      skipInode: (device, inode) => this.#skipped.has(`${device}:${inode}`),
    });
  }

  /** Says whether an entry of `root` lies below another root of this backup too. */
  isShared(root: BackupRoot, path: BytePath): boolean {
    const at = this.absolute(root, path).toString('latin1');
    return this.roots.some((other) => {
      const above = other.path === '/' ? '/' : `${other.path}/`;
      return other !== root && (at === other.path || at.startsWith(above));
    });
  }

  /** Says whether a file is a log to which lines are only ever added. */
  isLog(root: BackupRoot, path: BytePath): boolean {
    return this.#logs.get(root)?.(path, false) === true;
  }

  /** Where an entry lies, as bytes. */
  absolute(root: BackupRoot, path: BytePath): Buffer {
    return sourcePath(root.source, path);
  }
}

/** `root name / path` for messages and the manifest's lists (§11.3). */
export function listedPath(root: BackupRoot, path: BytePath): BytePath {
  return path === '' ? root.name : joinPath(root.name, path);
}

/** A listed path as text. */
export function listedText(root: BackupRoot, path: BytePath): string {
  return pathToText(listedPath(root, path));
}

function rootPath(root: SourceRoot): BytePath {
  const { directory, only } = root;
  return (only === undefined ? directory : `${directory === '/' ? '' : directory}/${only}`) as BytePath;
}

function uniqueName(taken: Set<string>, path: BytePath): BytePath {
  const base = path.slice(path.lastIndexOf('/') + 1) || 'root';
  let name = base;
  for (let n = 2; taken.has(name); n += 1) name = `${base}-${n}`;
  taken.add(name);
  return name as BytePath;
}

function inodeKey(path: string): string[] {
  try {
    const { dev, ino } = statSync(resolve(path));
    return [`${dev}:${ino}`];
  } catch {
    return [];
  }
}
