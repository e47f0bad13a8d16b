/** Where pages end, decided by what the walk saw alone (§10.6), and which of the last backup's pages still hold. */

import { DATABASE_CHUNK_BYTES } from '../chunking/sizes.js';
import type { KnownPage } from '../repository/catalog-pages.js';
import type { KnownTree } from './known-tree.js';
import type { Listing } from './listing.js';
import type { PathBorders } from './path-borders.js';

// §10.6
const BORDER_ODDS = 512;
const LEAST_ENTRIES = 64;
const MOST_ENTRIES = 4096;
const MOST_RAW_BYTES = 1024 * 1024;
/** What an entry takes in raw bytes beside its path and pieces. */
const ENTRY_BYTES = 110;
/** What a piece takes, and how short pieces of large files are at least: those of databases (§7.1). */
const PIECE_BYTES = 44;
const LEAST_PIECE_BYTES = DATABASE_CHUNK_BYTES;
/** Pieces that an entry holds; longer contents have pages of their own. */
export const INLINE_PIECES = 4096;

/** Entries from `from` to before `to` that share a page. */
export interface PlannedPage {
  readonly from: number;
  readonly to: number;
  /** The page of the last backup that holds them as they are. */
  readonly known: KnownPage | undefined;
}

/** What pages are planned with. */
export interface PagePlanner {
  readonly borders: PathBorders;
  readonly tree: KnownTree;
  /** False where some entry is to be looked at whatever the walk saw of it. */
  readonly mayKeep: (from: number, to: number) => boolean;
}

/** The pages of one root, in order. */
export function* planPages(listing: Listing, planner: PagePlanner): Generator<PlannedPage, void, void> {
  for (let from = 0; from < listing.length;) {
    const known = planner.tree.unchangedPage(listing, from);
    const keep = known !== undefined && planner.mayKeep(from, from + known.entries);
    const to = keep ? from + known.entries : endOfPage(listing, from, planner);
    yield { from, to, known: keep ? known : undefined };
    from = to;
  }
}

/** A function of the paths, so that after a change the borders fall where they fell before. */
function endOfPage(listing: Listing, from: number, { borders }: PagePlanner): number {
  borders.beginPage();
  let rawBytes = 0;
  for (let index = from; index < listing.length; index += 1) {
    const path = listing.path(index);
    const pieces = Math.ceil(listing.size(index) / LEAST_PIECE_BYTES);
    rawBytes += ENTRY_BYTES + path.length + (pieces > INLINE_PIECES ? 0 : pieces * PIECE_BYTES);
    const count = index + 1 - from;
    if (count >= MOST_ENTRIES || rawBytes >= MOST_RAW_BYTES) return index + 1;
    if (count < LEAST_ENTRIES) continue;
    if (borders.ofPage(path) < 2 ** 32 / BORDER_ODDS) return index + 1;
  }
  return listing.length;
}
