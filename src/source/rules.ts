/** Which paths a backup leaves out and which a restore takes, in gitignore syntax relative to the root. */
import ignore from 'ignore';
import type { BytePath } from '../format/path.js';
import { pathToText } from '../format/path.js';
import type { EntryKind } from '../format/entry.js';

/** True when `path` matches; `isDirectory` decides whether patterns such as `models/` may match it. */
export type PathRule = (path: BytePath, isDirectory: boolean) => boolean;

/** Patterns from the command line and the texts of exclude files, in the order in which they apply. */
export interface ExcludeSources {
  /** One pattern each, e.g. the values of `--exclude`. */
  readonly patterns?: readonly string[];
  /** Contents of exclude files: one pattern per line, `#` comments, as in .gitignore. */
  readonly fileTexts?: readonly string[];
}

/**
 * The rule that leaves out what gitignore would ignore: a later pattern beats an earlier one, `!` takes a path back
 * in unless a directory above it is out. Exclude files come first, so that the command line has the last word.
 */
export function excludeRule(sources: ExcludeSources): PathRule {
  const lines = (sources.fileTexts ?? []).flatMap((text) => text.replace(/^\uFEFF/, '').split(/\r?\n/));
  return gitignoreRule([...lines, ...(sources.patterns ?? [])]);
}

/** The rule that selects what matches one of `patterns` or lies below a directory that does. */
export function includeRule(patterns: readonly string[]): PathRule {
  return gitignoreRule(patterns);
}

/**
 * Of `entries` in path order yields those that `rule` selects, each after the directories above it, which a restore
 * needs even when no pattern names them. Holds one entry per level.
 */
export function* selectEntries<T extends { readonly path: BytePath; readonly kind: EntryKind }>(
  entries: Iterable<T>,
  rule: PathRule,
): Generator<T, void, void> {
  let parents: T[] = [];
  for (const entry of entries) {
    parents = parents.filter((parent) => parent.path === '' || entry.path.startsWith(`${parent.path}/`));
    if (entry.path !== '' && rule(entry.path, entry.kind === 'directory')) {
      yield* parents.splice(0);
      yield entry;
    } else if (entry.kind === 'directory') {
      parents.push(entry);
    }
  }
}

/** The package remembers every path it was asked about; a walk over millions of files must not. */
const REMEMBERED_PATHS = 16_384;

function gitignoreRule(patterns: readonly string[]): PathRule {
  // Names differ by case here, unlike in the package's default.
  const build = (): ReturnType<typeof ignore> => ignore({ ignorecase: false }).add([...patterns]);
  let matcher = build();
  let asked = 0;
  if (patterns.every((pattern) => pattern.trim() === '' || pattern.startsWith('#'))) return () => false;
  return (path, isDirectory) => {
    if (path === '') return false;
    asked += 1;
    if (asked % REMEMBERED_PATHS === 0) matcher = build();
    const text = pathToText(path);
    return matcher.ignores(isDirectory ? `${text}/` : text);
  };
}
