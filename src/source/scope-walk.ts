/** The walk that a scope describes: what a backup takes in, and what a restore in place may touch. */

import type { Scope } from '../format/manifest.js';
import type { BytePath } from '../format/path.js';
import type { SourceRoot } from './root.js';
import { sourcePath } from './root.js';
import { excludeRule } from './rules.js';
import { hasJournal, isReserved } from './unfinished-restore.js';
import type { SeenEntry } from './entry.js';
import { walk, type SourceProblem, type WalkOptions } from './walk.js';

/** Walks a root in path order, seeing only what `scope` takes in. */
export type ScopeWalk = (
  root: SourceRoot,
  options: Pick<WalkOptions, 'onProblem' | 'skipInode' | 'among'>,
) => Generator<SeenEntry, void, void>;

/** The walk of one scope; the rules are read once. */
export function scopeWalk(scope: Scope): ScopeWalk {
  const excludes = excludeRule({ patterns: scope.exclude });
  const { oneFileSystem, excludeCaches } = scope;
  return (root, { onProblem, skipInode, among }) =>
    walk(root, {
      onProblem,
      ...(skipInode && { skipInode }),
      ...(among && { among }),
      oneFileSystem,
      excludeCaches,
      exclude(path, isDirectory) {
        if (!isReserved(path, isDirectory)) return excludes(path, isDirectory);
        if (isDirectory) reportUnfinished(root, path, onProblem);
        return true;
      },
    });
}

function reportUnfinished(
  root: SourceRoot,
  path: BytePath,
  onProblem: (problem: SourceProblem) => void,
): void {
  const directory = path.slice(0, Math.max(path.lastIndexOf('/'), 0)) as BytePath;
  if (!hasJournal(sourcePath(root, directory))) return;
  onProblem({
    path: directory,
    code: 'RESTORE_UNFINISHED',
    message: 'A restore over it was begun and not finished: this is no state to go back to',
  });
}
