/** The entries of a backup in order, with their pieces, and the checks that no single page can make. Implements §10.3. */

import { NbakError } from '../errors.js';
import type { Entry } from '../format/entry.js';
import { EntryOrder } from '../format/entry-order.js';
import type { ManifestDetail, ManifestRoot } from '../format/manifest.js';
import type { EntriesPage, Owner, PlainBlobRow } from '../format/page.js';
import type { Backup } from './manifests.js';
import type { PageReader } from './pages.js';

/** An entry with everything that its page knew, content pages resolved. */
export interface BackedUpEntry {
  readonly root: ManifestRoot;
  readonly entry: Entry;
  readonly owner: Owner;
  readonly dedup: number;
  readonly pieces: readonly BackedUpPiece[];
}

/** A piece with its blob. */
export interface BackedUpPiece {
  readonly blob: PlainBlobRow;
  readonly slice?: number;
}

/**
 * All entries of a backup, root by root in path order, order and parents checked.
 *
 * @throws NbakError `FORMAT_INVALID`, `PATH_UNSAFE`, `REFERENCE_TAMPERED`, or what reading pages throws.
 */
export async function* readEntries(
  pages: PageReader,
  backup: Backup,
  detail: ManifestDetail,
): AsyncGenerator<BackedUpEntry> {
  for await (const entries of readEntriesByPage(pages, backup, detail)) yield* entries;
}

/**
 * The same, page by page: for whoever reads all of them, because a promise for each costs as much as the entry.
 *
 * @throws NbakError as {@link readEntries}.
 */
export async function* readEntriesByPage(
  pages: PageReader,
  { manifest }: Backup,
  detail: ManifestDetail,
): AsyncGenerator<readonly BackedUpEntry[]> {
  const roots = detail.roots[Symbol.iterator]();
  let root = nextRoot(roots, 'no root');
  let seen = 0;
  let order = EntryOrder.fromRoot();
  for await (const page of pages.entriesPages(manifest.pages)) {
    const entries: BackedUpEntry[] = [];
    for (const entry of page.entries) {
      if (seen === root.entries) {
        root = nextRoot(roots, 'entries beyond its roots');
        seen = 0;
        order = EntryOrder.fromRoot();
      }
      order.add(entry.path, entry.kind);
      seen += 1;
      const owner = page.owners[entry.owner];
      if (owner === undefined) throw contradiction('an entry has no owner');
      const pieces = piecesOf(pages, page, entry);
      entries.push({
        root,
        entry,
        owner,
        dedup: page.dedup,
        pieces: pieces instanceof Promise ? await pieces : pieces,
      });
    }
    yield entries;
  }
  if (seen !== root.entries || roots.next().done !== true) throw contradiction('entries are missing');
}

function nextRoot(roots: Iterator<ManifestRoot>, why: string): ManifestRoot {
  const next = roots.next();
  if (next.done === true) throw contradiction(why);
  return next.value;
}

/**
 * The pieces of an entry's content, content pages resolved. Few files have such: for all others a promise would be most
 * of the work.
 */
export function piecesOf(
  pages: PageReader,
  page: EntriesPage,
  { content, extra: { contentPages } }: Entry,
): readonly BackedUpPiece[] | Promise<readonly BackedUpPiece[]> {
  const pieces = toPieces(page.blobs, content);
  return contentPages === undefined ? pieces : withContentPages(pages, page, { contentPages, pieces });
}

async function withContentPages(
  pages: PageReader,
  page: EntriesPage,
  { contentPages, pieces }: { readonly contentPages: readonly number[]; readonly pieces: BackedUpPiece[] },
): Promise<readonly BackedUpPiece[]> {
  for (const number of contentPages) {
    const child = page.children[number];
    if (child === undefined) throw contradiction('a content page is not listed');
    const content = await pages.contentPage(child);
    pieces.push(...toPieces(content.blobs, content.pieces));
  }
  return pieces;
}

function toPieces(rows: readonly PlainBlobRow[], pieces: Entry['content']): BackedUpPiece[] {
  return pieces.map(({ row, slice }) => {
    const blob = rows[row];
    if (blob === undefined) throw contradiction('a piece has no blob row');
    return slice === undefined ? { blob } : { blob, slice };
  });
}

function contradiction(why: string): NbakError {
  return new NbakError('REFERENCE_TAMPERED', `The backup contradicts itself: ${why}`, {
    details: { clause: '§10.3' },
  });
}
