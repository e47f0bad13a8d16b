/** Rules of one root among those of all: how a scope records them, and how they are read. Implements §11.3. */

import type { Scope } from '../format/manifest.js';

const OF_ROOT = /^# root ([1-9]\d*)$/;
const OF_ALL = '# all roots';

/**
 * The patterns of a backup as its scope records them.
 *
 * @param own - of each root alone, in the order of the roots.
 * @param common - of all roots; they come after the others, so that they have the last word.
 */
export function joinPatterns(
  own: readonly (readonly string[])[],
  common: readonly string[],
): readonly string[] {
  // To gitignore they say nothing, and here they could say too much.
  const shared = common.filter((pattern) => !pattern.startsWith('#'));
  const [only, another] = own;
  if (another === undefined) return [...(only ?? []), ...shared];
  if (own.every((patterns) => patterns.length === 0)) return shared;
  const sections = own.flatMap((patterns, i) =>
    patterns.length === 0 ? [] : [`# root ${i + 1}`, ...patterns],
  );
  return shared.length === 0 ? sections : [...sections, OF_ALL, ...shared];
}

/** The scope of one root, which is the `index`-th from 0 on. */
export function scopeOfRoot(scope: Scope, index: number): Scope {
  let isIn = true;
  const exclude = scope.exclude.filter((pattern) => {
    const [, root] = OF_ROOT.exec(pattern) ?? [];
    if (root !== undefined) isIn = Number(root) === index + 1;
    else if (pattern === OF_ALL) isIn = true;
    else return isIn;
    return false;
  });
  return { ...scope, exclude };
}
