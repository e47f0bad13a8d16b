/** Pages, raw: parts of a backup's file list. Implements §10.1, §10.2 and §10.7 (§5.3 wraps the raw bytes). */

import { assertFrameLength } from './blob.js';
import { readU32, writeHex, writeU32 } from './bytes.js';
import { CborReader } from './cbor-reader.js';
import { encodeCbor, type CborValue } from './cbor.js';
import {
  assertPageCount,
  encodeEntry,
  encodePieces,
  readEntry,
  readPieces,
  type Entry,
  type Piece,
} from './entry.js';
import { idFromBytes, idToBytes, type BlobId, type PageId } from './ids.js';
import { LIMITS } from './limits.js';
import { EntryOrder } from './entry-order.js';
import { invalidField, limitExceeded } from './shape.js';

/** A blob that a page refers to. */
export interface BlobRow {
  readonly id: BlobId;
  /** Frame length as first sealed. */
  readonly length: number;
}

/** A blob row of a page that knows plaintext lengths. */
export interface PlainBlobRow extends BlobRow {
  readonly plaintextLength: number;
}

/** Who owns entries; names are empty where unknown. */
export interface Owner {
  readonly uid: number;
  readonly user: string;
  readonly gid: number;
  readonly group: string;
}

interface PageBase {
  /** The number of the dedup secret of the digests. */
  readonly dedup: number;
  readonly children: readonly PageId[];
}

/** Type 1: entries of one root, in path order. */
export interface EntriesPage extends PageBase {
  readonly type: 'entries';
  readonly blobs: readonly PlainBlobRow[];
  readonly owners: readonly Owner[];
  readonly entries: readonly Entry[];
}
/** Type 2: a list of pages. */
export interface ListPage extends PageBase {
  readonly type: 'list';
  readonly blobs: readonly [];
}
/** Type 3: a run of one file's content. */
export interface ContentPage extends PageBase {
  readonly type: 'content';
  readonly blobs: readonly PlainBlobRow[];
  readonly pieces: readonly Piece[];
}
/** Type 4: what the world sees of a sealed page. */
export interface PublicPage extends PageBase {
  readonly type: 'public';
  readonly blobs: readonly BlobRow[];
  readonly sealed: BlobRow;
}
/** A page of any type. */
export type Page = EntriesPage | ListPage | ContentPage | PublicPage;

const TYPES = { entries: 1, list: 2, content: 3, public: 4 } as const;
const STRUCTURE = 'a page';
const ROW_BYTES = 36;
const PLAIN_ROW_BYTES = 40;
/** The largest uid and gid. */
const MOST_ID = 0xffff_ffff;

/** Encodes the raw bytes of a page. */
export function encodePage(page: Page): Uint8Array {
  const children = page.children.map(idToBytes);
  return encodeCbor([TYPES[page.type], page.dedup, children, encodeRows(page), encodeBody(page)]);
}

function encodeRows(page: Page): Uint8Array {
  const width = page.type === 'public' ? ROW_BYTES : PLAIN_ROW_BYTES;
  const rows = new Uint8Array(width * page.blobs.length);
  for (const [i, row] of page.blobs.entries()) writeBlobRow(rows, width * i, row);
  if (page.type === 'public') return rows;
  for (const [i, { plaintextLength }] of page.blobs.entries())
    writeU32(rows, PLAIN_ROW_BYTES * i + ROW_BYTES, plaintextLength);
  return rows;
}

function encodeBody(page: Page): CborValue {
  switch (page.type) {
    case 'entries':
      return [
        page.owners.map(({ uid, user, gid, group }) => [uid, user, gid, group]),
        page.entries.map(encodeEntry),
      ];
    case 'list':
      return [];
    case 'content':
      return [encodePieces(page.pieces)];
    case 'public':
      return [encodeBlobRow(page.sealed)];
  }
}

/** The 36 bytes id ‖ u32 frame length (§10.1). */
export function encodeBlobRow(row: BlobRow): Uint8Array {
  const bytes = new Uint8Array(ROW_BYTES);
  writeBlobRow(bytes, 0, row);
  return bytes;
}

function writeBlobRow(target: Uint8Array, offset: number, { id, length }: BlobRow): void {
  writeHex(target, offset, id);
  writeU32(target, offset + 32, length);
}

/** Decodes the 36 bytes at `offset`; throws `FORMAT_INVALID` or `LIMIT_EXCEEDED` for an impossible length. */
export function decodeBlobRow(bytes: Uint8Array, offset = 0): BlobRow {
  return {
    id: idFromBytes(bytes.subarray(offset, offset + 32)),
    length: assertFrameLength(readU32(bytes, offset + 32), 'a blob row'),
  };
}

/**
 * Decodes the raw bytes of a page and checks everything that one page can show (§10.1–§10.5).
 *
 * @throws NbakError `FORMAT_INVALID`, `LIMIT_EXCEEDED` or `PATH_UNSAFE`.
 */
export function decodePage(raw: Uint8Array): Page {
  const from = CborReader.of(raw, STRUCTURE);
  from.array('the page', 5);
  const type = from.uint('type', 4);
  const dedup = from.count('dedup');
  const children = from.list('children', () => idFromBytes<PageId>(from.bytes('child', 32)));
  assertPageCount(children.length);
  const rows = from.bytes('blobs');
  switch (type) {
    case TYPES.entries: {
      const blobs = decodePlainRows(rows);
      from.array('body', 2);
      const owners = from.list('owners', () => readOwner(from));
      const bounds = { owners: owners.length, blobs: blobs.length, children: children.length };
      const count = from.array('entries');
      assertPageCount(count);
      const entries = from.items(count, () => readEntry(from, bounds));
      assertOrder(entries);
      return { type: 'entries', dedup, children, blobs, owners, entries };
    }
    case TYPES.list:
      from.array('body', 0);
      if (rows.length > 0) throw invalidField(STRUCTURE, 'blobs', 'empty in a list');
      return { type: 'list', dedup, children, blobs: [] };
    case TYPES.content: {
      const blobs = decodePlainRows(rows);
      from.array('body', 1);
      const pieces = readPieces(from, blobs.length);
      if (children.length > 0) throw invalidField(STRUCTURE, 'children', 'empty in a content page');
      return { type: 'content', dedup, children, blobs, pieces };
    }
    case TYPES.public: {
      from.array('body', 1);
      const sealed = from.bytes('sealed page', ROW_BYTES);
      const blobs = decodeRows(rows, ROW_BYTES);
      return { type: 'public', dedup, children, blobs, sealed: decodeBlobRow(sealed) };
    }
    default:
      throw invalidField(STRUCTURE, 'type', '1 to 4');
  }
}

function readOwner(from: CborReader): Owner {
  from.array('an owner', 4);
  return {
    uid: from.uint('uid', MOST_ID),
    user: from.text('user'),
    gid: from.uint('gid', MOST_ID),
    group: from.text('group'),
  };
}

function decodeRows(bytes: Uint8Array, width: number): BlobRow[] {
  if (bytes.length % width !== 0) throw invalidField(STRUCTURE, 'blobs', `rows of ${width} bytes`);
  assertPageCount(bytes.length / width);
  const rows: BlobRow[] = [];
  const seen = new Set<BlobId>();
  for (let offset = 0; offset < bytes.length; offset += width) {
    const row = decodeBlobRow(bytes, offset);
    if (seen.has(row.id)) throw invalidField(STRUCTURE, 'blobs', 'without duplicates');
    seen.add(row.id);
    rows.push(row);
  }
  return rows;
}

function decodePlainRows(bytes: Uint8Array): PlainBlobRow[] {
  return decodeRows(bytes, PLAIN_ROW_BYTES).map((row, i) => {
    const plaintextLength = readU32(bytes, i * PLAIN_ROW_BYTES + ROW_BYTES);
    if (plaintextLength > LIMITS.plaintextBytes) {
      throw limitExceeded(STRUCTURE, 'plaintextBytes', plaintextLength, LIMITS.plaintextBytes);
    }
    return { id: row.id, length: row.length, plaintextLength };
  });
}

/** What one page can show of §10.3; what lies above its first entry is on the pages before it. */
function assertOrder(entries: readonly Entry[]): void {
  const first = entries[0];
  if (first === undefined) return;
  const order = first.path === '' ? EntryOrder.fromRoot() : EntryOrder.below(first.path);
  for (const { path, kind } of entries) order.add(path, kind);
}
