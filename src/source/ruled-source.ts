/** A source with rules of its own, as a profile makes it. */

import type { AppKeyDeclaration } from './profiles/app-keys.js';

/** Where a source is, and what is peculiar to it. */
export interface RuledSource {
  /** A directory or file. */
  readonly path: string;
  /** gitignore patterns of this source alone; what is asked for by the user comes after them. */
  readonly exclude: readonly string[];
  /** gitignore patterns of files whose torn last line is dropped. */
  readonly appendOnly: readonly string[];
  /** Paths count from this source. */
  readonly appKeys: readonly AppKeyDeclaration[];
}

/** A source without rules. */
export function plainSource(path: string): RuledSource {
  return { path, exclude: [], appendOnly: [], appKeys: [] };
}
