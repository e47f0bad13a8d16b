/** Small files in path order, several to a chunk. Implements §7.4 and §7.5 for writers. */

import { BUNDLE_BYTES, BUNDLED_FILE_BYTES, isBundleBorder } from '../chunking/sizes.js';
import { LIMITS } from '../format/limits.js';
import type { BytePath } from '../format/path.js';
import type { PathBorders } from './path-borders.js';

/** A small file that waits for its bundle. */
export interface SmallFile {
  readonly path: BytePath;
  /** Bytes, as the walk saw them: they decide the borders. */
  readonly size: number;
}

/** §7.5: a bundle does not stay open over more entries than this, or everything behind it would wait in memory. */
const MOST_ENTRIES = 4096;

/** Says whether a file of this many bytes goes into a bundle (§7.4). */
export function isBundled(size: number): boolean {
  return size > 0 && size <= BUNDLED_FILE_BYTES;
}

/** Gathers small files of one root into groups that share a bundle. */
export class Bundler<File extends SmallFile> {
  readonly #borders: PathBorders;
  readonly #onGroup: (group: readonly File[]) => void;
  #group: File[] = [];
  #bytes = 0;
  /** Entries since the first file of the group. */
  #entries = 0;

  /** @param onGroup - told of each group when it ends. */
  constructor(borders: PathBorders, onGroup: (group: readonly File[]) => void) {
    this.#borders = borders;
    this.#onGroup = onGroup;
  }

  /** Counts an entry of any kind, in path order, before its file is added. */
  pass(): void {
    if (this.#group.length === 0) return;
    this.#entries += 1;
    if (this.#entries >= MOST_ENTRIES) this.end();
  }

  /** Adds a file of 1 byte to 32 KiB, in path order. */
  add(file: File): void {
    const full = this.#bytes + file.size > BUNDLE_BYTES || this.#group.length >= LIMITS.bundleSlices;
    if (this.#group.length > 0 && full) this.end();
    this.#group.push(file);
    this.#bytes += file.size;
    if (isBundleBorder(this.#borders.ofBundle(file.path), file.size)) this.end();
  }

  /** Ends the group under way: at a border, and at the end of the root. */
  end(): void {
    const group = this.#group;
    this.#group = [];
    this.#bytes = 0;
    this.#entries = 0;
    if (group.length > 0) this.#onGroup(group);
  }
}
