/** Entries become pages, page lists and, for long files, content pages. Implements §10 for writers. */

import { BLOB_KINDS } from '../format/blob.js';
import { encodeCompressedObject } from '../format/compressed-object.js';
import type { Entry, Piece } from '../format/entry.js';
import type { BlobId, PageId } from '../format/ids.js';
import { encodePage, type Owner, type Page, type PlainBlobRow } from '../format/page.js';
import type { KnownPage, StoredPage } from '../repository/catalog-pages.js';
import { packObject } from '../repository/compressed-io.js';
import { pageName } from '../repository/object-names.js';
import type { PackPlace } from '../repository/pack-writer.js';
import { pageIdOf } from '../repository/pages.js';
import type { ContentPiece } from './content.js';
import { INLINE_PIECES } from './page-plan.js';
import type { Session } from './session.js';

/** An entry without what only its page can tell. */
export type EntryDraft = Omit<Entry, 'owner' | 'content'>;

/** An entry on its way into a page. */
export interface PageEntry {
  readonly draft: EntryDraft;
  readonly owner: Owner;
  readonly pieces: readonly ContentPiece[];
}

/** A page that was made, with what it consists of. */
export interface BuiltPage {
  readonly page: StoredPage;
  readonly children: readonly StoredPage[];
  /** Where the blobs lie that are part of the page itself: those that seal it (§10.7). */
  readonly sealedIn: readonly PackPlace[];
}

/** A page that the backup reaches. */
export interface ReachedPage {
  /** Length as stored, in bytes. */
  readonly size: number;
  /** What is to be stored; undefined for a page that the last backup left there. */
  readonly stored: Uint8Array | undefined;
}

// §10.6
const LEAST_CONTENT_PIECES = 512;
const MOST_CONTENT_PIECES = 4096;
/** Page ids that a manifest or list holds before they move one level down. */
const MOST_LISTED = 4096;

/** Blob rows of one page, each id once. */
class RowTable {
  readonly rows: PlainBlobRow[] = [];
  readonly #numbers = new Map<BlobId, number>();
  /** Neighbours are often slices of one bundle. */
  #last: { readonly id: BlobId; readonly row: number } | undefined;

  pieceOf({ id, length, plaintextLength, slice }: ContentPiece): Piece {
    let row = this.#last?.id === id ? this.#last.row : this.#numbers.get(id);
    if (row === undefined) {
      row = this.rows.length;
      this.rows.push({ id, length, plaintextLength });
      this.#numbers.set(id, row);
    }
    if (this.#last?.id !== id) this.#last = { id, row };
    return slice === undefined ? { row } : { row, slice };
  }
}

/** Owner rows of one page, each once. */
class OwnerTable {
  readonly rows: Owner[] = [];
  readonly #numbers = new Map<string, number>();
  #last: { readonly owner: Owner; readonly row: number } | undefined;

  rowOf(owner: Owner): number {
    if (this.#last?.owner === owner) return this.#last.row;
    const key = `${owner.uid}:${owner.gid}`;
    let row = this.#numbers.get(key);
    if (row === undefined) {
      row = this.rows.length;
      this.rows.push(owner);
      this.#numbers.set(key, row);
    }
    this.#last = { owner, row };
    return row;
  }
}

/** Builds the pages of one backup, in order. */
export class PageBuilder {
  /** Every page that the backup reaches. */
  readonly pages = new Map<PageId, ReachedPage>();
  readonly #session: Session;
  readonly #top: PageId[] = [];

  constructor(session: Session) {
    this.#session = session;
  }

  /** Takes a page of the last backup over as it is. */
  keep({ page, children }: KnownPage): void {
    for (const { id, size } of [page, ...children]) {
      if (!this.pages.has(id)) this.pages.set(id, { size, stored: undefined });
    }
    this.#top.push(page.id);
  }

  /** Makes the next page of entries: those of one root, in path order. */
  async add(entries: readonly PageEntry[]): Promise<BuiltPage> {
    const children: StoredPage[] = [];
    const sealedIn: PackPlace[] = [];
    const table = new RowTable();
    const owners = new OwnerTable();
    const drafts: Entry[] = [];
    for (const { draft, owner, pieces } of entries) {
      const inline = pieces.length <= INLINE_PIECES;
      const contentPages: number[] = [];
      if (!inline) {
        for (const content of contentPagesOf(pieces, this.#session.keys.dedup)) {
          const written = await this.#write(content, sealedIn);
          contentPages.push(children.length);
          children.push(written);
        }
      }
      // Field by field, which for the many entries of a page takes a tenth of what spreading a draft does.
      const { path, kind, mode, size, mtime, ctime, inode, digest, extra } = draft;
      drafts.push({
        path,
        kind,
        mode,
        owner: owners.rowOf(owner),
        size,
        mtime,
        ctime,
        inode,
        content: inline ? pieces.map((piece) => table.pieceOf(piece)) : [],
        digest,
        extra: inline ? extra : { ...extra, contentPages },
      });
    }
    const page = await this.#write(
      {
        type: 'entries',
        dedup: this.#session.keys.dedup,
        children: children.map(({ id }) => id),
        blobs: table.rows,
        owners: owners.rows,
        entries: drafts,
      },
      sealedIn,
    );
    this.#top.push(page.id);
    return { page, children, sealedIn };
  }

  /** The page ids that the manifest names: all of them, or lists where there are many. */
  async finish(): Promise<readonly PageId[]> {
    let level: readonly PageId[] = this.#top;
    while (level.length > MOST_LISTED) {
      const lists: PageId[] = [];
      for (let start = 0; start < level.length; start += MOST_LISTED) {
        const children = level.slice(start, start + MOST_LISTED);
        const list: Page = { type: 'list', dedup: this.#session.keys.dedup, children, blobs: [] };
        lists.push((await this.#write(list, [])).id);
      }
      level = lists;
    }
    return level;
  }

  /** §10.7: with sealed names the page itself becomes a blob, and a public page stands for it. */
  async #write(page: Page, sealedIn: PackPlace[]): Promise<StoredPage> {
    const raw = encodePage(page);
    if (this.#session.repository.names === 'plain' || page.type === 'list') return this.#store(raw);
    const { id, length, place } = await this.#session.chunks.storeBytes(BLOB_KINDS.sealedPage, raw);
    sealedIn.push(place);
    return this.#store(
      encodePage({
        type: 'public',
        dedup: page.dedup,
        children: page.children,
        blobs: page.blobs.map((row) => ({ id: row.id, length: row.length })),
        sealed: { id, length },
      }),
    );
  }

  #store(raw: Uint8Array): StoredPage {
    let stored = packObject('NBKP', raw);
    let id = pageIdOf(this.#session.repository, stored);
    if (this.#session.doomed.has(pageName(id))) {
      // §18.1: what is doomed is stored again, which only other bytes under another name can be.
      stored = encodeCompressedObject('NBKP', { codec: 'stored', rawLength: raw.length, body: raw });
      id = pageIdOf(this.#session.repository, stored);
    }
    this.pages.set(id, { size: stored.length, stored });
    return { id, size: stored.length };
  }
}

function* contentPagesOf(pieces: readonly ContentPiece[], dedup: number): Generator<Page, void, void> {
  let table = new RowTable();
  let run: Piece[] = [];
  for (const [i, piece] of pieces.entries()) {
    run.push(table.pieceOf(piece));
    const border = run.length >= LEAST_CONTENT_PIECES && Number.parseInt(piece.id.slice(0, 3), 16) < 4;
    if (!border && run.length < MOST_CONTENT_PIECES && i < pieces.length - 1) continue;
    yield { type: 'content', dedup, children: [], blobs: table.rows, pieces: run };
    table = new RowTable();
    run = [];
  }
}
