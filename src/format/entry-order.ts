/** The order of the entries of a root, and that each lies in a directory. Implements §10.3. */

import type { EntryKind } from './entry.js';
import { comparePaths, parentPath, type BytePath } from './path.js';
import { invalidField } from './shape.js';

/** Takes the entries of a root one by one. Memory: the directories at and above the last one. */
export class EntryOrder {
  #previous: BytePath | undefined;
  /** Directories that may hold the next entry, outermost first. */
  readonly #open: BytePath[];

  private constructor(open: BytePath[]) {
    this.#open = open;
  }

  /** From the first entry of a root on. */
  static fromRoot(): EntryOrder {
    return new EntryOrder([]);
  }

  /** From the middle of a root: what is above `first` came before. */
  static below(first: BytePath): EntryOrder {
    const open: BytePath[] = [];
    for (let at = parentPath(first); at !== undefined; at = parentPath(at)) open.unshift(at);
    return new EntryOrder(open);
  }

  /**
   * Takes the next entry, whose path is safe.
   *
   * @throws NbakError `FORMAT_INVALID` when it is out of order or its parent is no directory before it.
   */
  add(path: BytePath, kind: EntryKind): void {
    if (this.#previous !== undefined && comparePaths(this.#previous, path) >= 0)
      throw invalidField('a page', 'entries', 'in strictly ascending path order');
    const parent = parentPath(path);
    if (parent === undefined && kind !== 'directory') throw invalidField('a page', 'the root', 'a directory');
    // Whatever is not below a directory of this very backup could be below a link (A10).
    while (this.#open.length > 0 && this.#open.at(-1) !== parent) this.#open.pop();
    if (parent !== undefined && this.#open.at(-1) !== parent)
      throw invalidField('a page', 'the parent of an entry', 'a directory before it');
    if (kind === 'directory') this.#open.push(path);
    this.#previous = path;
  }
}
