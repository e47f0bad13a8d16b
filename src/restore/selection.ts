/** Which entries of a backup are asked for. */

import { NbakError } from '../errors.js';
import type { EntryKind } from '../format/entry.js';
import type { ManifestDetail, ManifestRoot } from '../format/manifest.js';
import { joinPath, pathFromText, pathToText, type BytePath } from '../format/path.js';
import { includeRule, type PathRule } from '../source/rules.js';

/** What of a backup is asked for; empty lists mean everything and nothing. */
export interface Selection {
  /** Paths as `ls` shows them, each with everything below it. */
  readonly paths: readonly string[];
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Of what the rest selects, only places for which this says so; directories above them come along. */
  readonly only?: (place: BytePath) => boolean;
}

/** What of an entry decides whether it is selected. */
export interface Selectable {
  readonly root: ManifestRoot;
  readonly entry: { readonly path: BytePath; readonly kind: EntryKind };
}

/** Decides entry by entry; ask in path order. */
export class Selector {
  readonly #paths: readonly BytePath[];
  readonly #include: PathRule | undefined;
  readonly #exclude: PathRule;
  readonly #only: ((place: BytePath) => boolean) | undefined;
  readonly #single: boolean;
  readonly #found = new Set<BytePath>();

  constructor(selection: Selection, detail: ManifestDetail) {
    this.#single = detail.roots.length === 1;
    this.#paths = selection.paths.map((path) =>
      pathFromText(
        path
          .replace(/^(\.?\/)+/, '')
          .replace(/\/+$/, '')
          .replace(/^\.$/, ''),
      ),
    );
    this.#include = selection.include.length > 0 ? includeRule(selection.include) : undefined;
    this.#exclude = includeRule(selection.exclude);
    this.#only = selection.only;
  }

  /** Says whether an entry is selected by itself; directories above selected entries come with them. */
  selects({ root, entry }: Selectable): boolean {
    const shown = this.shownPath(root, entry.path);
    const isDirectory = entry.kind === 'directory';
    const path = this.#paths.find(
      (wanted) => wanted === '' || shown === wanted || shown.startsWith(`${wanted}/`),
    );
    // Found, even where a pattern then leaves it out.
    if (path !== undefined) this.#found.add(path);
    if (entry.path !== '' && this.#exclude(entry.path, isDirectory)) return false;
    if (this.#include !== undefined && (entry.path === '' || !this.#include(entry.path, isDirectory)))
      return false;
    if (path === undefined && this.#paths.length > 0) return false;
    return this.#only === undefined || this.#only(shown);
  }

  /**
   * The path as users see it: below the root's name where there are several roots.
   */
  shownPath(root: ManifestRoot, path: BytePath): BytePath {
    if (this.#single) return path;
    return path === '' ? root.name : joinPath(root.name, path);
  }

  /** Throws `PATH_NOT_FOUND` for a path that nothing matched. */
  assertAllFound(): void {
    const missing = this.#paths.find((path) => !this.#found.has(path));
    if (missing === undefined) return;
    throw new NbakError('PATH_NOT_FOUND', `The backup has no ${JSON.stringify(pathToText(missing))}`, {
      details: { path: pathToText(missing) },
      hint: 'See what it has with `nbak ls`.',
    });
  }
}
