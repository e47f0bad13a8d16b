/** Entries in path order become pages, page lists and, for long files, content pages. Implements §10 for writers. */

import { BLOB_KINDS } from '../format/blob.js';
import { readU32 } from '../format/bytes.js';
import type { Entry, Piece } from '../format/entry.js';
import type { BlobId, PageId } from '../format/ids.js';
import { encodePage, type Owner, type Page, type PlainBlobRow } from '../format/page.js';
import { pathToBytes } from '../format/path.js';
import { encodeCompressedObject } from '../format/compressed-object.js';
import { packObject } from '../repository/compressed-io.js';
import { pageName } from '../repository/object-names.js';
import { pageIdOf } from '../repository/pages.js';
import type { ContentPiece } from './content.js';
import type { Session } from './session.js';

/** An entry without what only its page can tell. */
export type EntryDraft = Omit<Entry, 'owner' | 'content'>;

// §10.6
const BORDER_ODDS = 512;
const LEAST_ENTRIES = 64;
const MOST_ENTRIES = 4096;
const RAW_TARGET_BYTES = 1024 * 1024;
const INLINE_PIECES = 4096;
const LEAST_CONTENT_PIECES = 512;
const MOST_CONTENT_PIECES = 4096;
/** Page ids that a manifest or list holds before they move one level down. */
const MOST_LISTED = 4096;
/** What an entry takes in raw bytes beside path, rows and pieces, roughly. */
const ENTRY_BYTES = 110;
const PIECE_BYTES = 44;

/** Blob rows of one page, each id once. */
class RowTable {
  readonly rows: PlainBlobRow[] = [];
  readonly #numbers = new Map<BlobId, number>();

  pieceOf({ id, length, plaintextLength, slice }: ContentPiece): Piece {
    let row = this.#numbers.get(id);
    if (row === undefined) {
      row = this.rows.length;
      this.rows.push({ id, length, plaintextLength });
      this.#numbers.set(id, row);
    }
    return slice === undefined ? { row } : { row, slice };
  }
}

/** Builds the pages of one backup, root by root. */
export class PageBuilder {
  /** Every page that the backup reaches, as stored; some may be in storage already. */
  readonly pages = new Map<PageId, Uint8Array>();
  readonly #session: Session;
  #top: PageId[] = [];
  #entries: Entry[] = [];
  #owners: Owner[] = [];
  #ownerRows = new Map<string, number>();
  #children: PageId[] = [];
  #table = new RowTable();
  #rawBytes = 0;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Adds the next entry in path order. */
  async add(draft: EntryDraft, owner: Owner, pieces: readonly ContentPiece[]): Promise<void> {
    const inline = pieces.length <= INLINE_PIECES;
    const contentPages = inline ? undefined : await this.#contentPages(pieces);
    this.#entries.push({
      ...draft,
      owner: this.#ownerRow(owner),
      content: inline ? pieces.map((piece) => this.#table.pieceOf(piece)) : [],
      extra: contentPages === undefined ? draft.extra : { ...draft.extra, contentPages },
    });
    this.#rawBytes += ENTRY_BYTES + draft.path.length + (inline ? pieces.length * PIECE_BYTES : 0);
    const count = this.#entries.length;
    const { crypto } = this.#session.repository;
    const isBorder = (): boolean => {
      const mac = crypto.hmacSha256(this.#session.keys.borderKey, pathToBytes(draft.path));
      return readU32(mac, 28) < 2 ** 32 / BORDER_ODDS;
    };
    if (
      count >= MOST_ENTRIES ||
      this.#rawBytes >= RAW_TARGET_BYTES ||
      (count >= LEAST_ENTRIES && isBorder())
    ) {
      await this.endPage();
    }
  }

  /** Ends the page under way; a root ends with this, since no page holds entries of two roots. */
  async endPage(): Promise<void> {
    if (this.#entries.length === 0) return;
    const page = {
      type: 'entries' as const,
      dedup: this.#session.keys.dedup,
      children: this.#children,
      blobs: this.#table.rows,
      owners: this.#owners,
      entries: this.#entries,
    };
    this.#entries = [];
    this.#owners = [];
    this.#ownerRows = new Map();
    this.#children = [];
    this.#table = new RowTable();
    this.#rawBytes = 0;
    this.#top.push(await this.#write(page));
  }

  /** The page ids that the manifest names: all of them, or lists where there are many. */
  async finish(): Promise<readonly PageId[]> {
    await this.endPage();
    let level = this.#top;
    while (level.length > MOST_LISTED) {
      const lists: PageId[] = [];
      for (let start = 0; start < level.length; start += MOST_LISTED) {
        const children = level.slice(start, start + MOST_LISTED);
        lists.push(await this.#write({ type: 'list', dedup: this.#session.keys.dedup, children, blobs: [] }));
      }
      level = lists;
    }
    return level;
  }

  async #contentPages(pieces: readonly ContentPiece[]): Promise<readonly number[]> {
    const numbers: number[] = [];
    let table = new RowTable();
    let run: Piece[] = [];
    for (const [i, piece] of pieces.entries()) {
      run.push(table.pieceOf(piece));
      const border = run.length >= LEAST_CONTENT_PIECES && Number.parseInt(piece.id.slice(0, 3), 16) < 4;
      if (!border && run.length < MOST_CONTENT_PIECES && i < pieces.length - 1) continue;
      const page = {
        type: 'content' as const,
        dedup: this.#session.keys.dedup,
        children: [],
        blobs: table.rows,
        pieces: run,
      };
      const id = await this.#write(page);
      numbers.push(this.#children.length);
      this.#children.push(id);
      table = new RowTable();
      run = [];
    }
    return numbers;
  }

  #ownerRow(owner: Owner): number {
    const key = `${owner.uid}:${owner.gid}`;
    let row = this.#ownerRows.get(key);
    if (row === undefined) {
      row = this.#owners.length;
      this.#owners.push(owner);
      this.#ownerRows.set(key, row);
    }
    return row;
  }

  /** §10.7: with sealed names the page itself becomes a blob, and a public page stands for it. */
  async #write(page: Page): Promise<PageId> {
    const raw = encodePage(page);
    if (this.#session.repository.names === 'plain' || page.type === 'list') return this.#keep(raw);
    const storing = this.#session.chunks.add(BLOB_KINDS.sealedPage, raw.length, (target) => target.set(raw));
    await this.#session.chunks.flush();
    const { id, length } = await storing;
    return this.#keep(
      encodePage({
        type: 'public',
        dedup: page.dedup,
        children: page.children,
        blobs: page.blobs.map((row) => ({ id: row.id, length: row.length })),
        sealed: { id, length },
      }),
    );
  }

  #keep(raw: Uint8Array): PageId {
    let stored = packObject('NBKP', raw);
    let id = pageIdOf(this.#session.repository, stored);
    if (this.#session.doomed.has(pageName(id))) {
      // §18.1: what is doomed is stored again, which only other bytes under another name can be.
      stored = encodeCompressedObject('NBKP', { codec: 'stored', rawLength: raw.length, body: raw });
      id = pageIdOf(this.#session.repository, stored);
    }
    this.pages.set(id, stored);
    return id;
  }
}
