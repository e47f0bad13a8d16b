/** Keeps pages within their limits (§15) where attributes and holes, which no walk foresees, take more than a page has. */

import type { EntryExtra } from '../format/entry.js';
import type { PageEntry } from './page-builder.js';

/** What the extras of one page may take: half of its raw bytes, and so less than all of its items. */
const MOST_EXTRA_BYTES = 8 * 1024 * 1024;
/** Beside names and values: their lengths, and the share of a page's items that they take. */
const XATTR_BYTES = 16;
const HOLE_BYTES = 24;

/** The entries in order, as few pages as their extras allow: nearly always one. */
export function* pageParts(entries: readonly PageEntry[]): Generator<readonly PageEntry[]> {
  let part: PageEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const extra = extraBytes(entry.draft.extra);
    if (bytes + extra > MOST_EXTRA_BYTES && part.length > 0) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(entry);
    bytes += extra;
  }
  if (part.length > 0) yield part;
}

function extraBytes({ xattrs = [], holes = [] }: EntryExtra): number {
  return xattrs.reduce(
    (sum, [name, value]) => sum + name.length + value.length + XATTR_BYTES,
    holes.length * HOLE_BYTES,
  );
}
