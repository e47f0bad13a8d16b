/** Pages (spec §10.1, §10.7). */
import { concat, equal, hex, readU32, u32 } from './bytes.js';
import { FRAME_OVERHEAD } from './blob.js';
import { type Cbor, decode } from './cbor.js';
import { readCompressedObject } from './compressed-object.js';
import { type Entry, type Piece, readEntry, readPieces } from './entry.js';
import { demand } from './fail.js';
import { LIMITS } from './limits.js';
import { checkPageOrder } from './path.js';
import { atMost, bstr, list, names, tstr, uint } from './shape.js';
import { demandName } from './signature.js';

const invalid = (holds: boolean, message: string): void => demand(holds, 'FORMAT_INVALID', '§10.1', message);

/** A blob that a page refers to; public pages (§10.7) do not tell plaintext lengths. */
export interface BlobRow {
  readonly id: Uint8Array;
  readonly frameLength: number;
  readonly plaintextLength: number | null;
}

export interface Owner {
  readonly uid: number;
  readonly user: string;
  readonly gid: number;
  readonly group: string;
}

export type PageBody =
  | { readonly type: 1; readonly owners: Owner[]; readonly entries: Entry[] }
  | { readonly type: 2 }
  | { readonly type: 3; readonly pieces: Piece[] }
  | { readonly type: 4; readonly sealed: BlobRow };

export interface Page {
  readonly dedup: number;
  readonly children: Uint8Array[];
  readonly rows: BlobRow[];
  readonly body: PageBody;
}

export const blobRow = (row: BlobRow): Uint8Array =>
  concat(
    row.id,
    u32(row.frameLength),
    row.plaintextLength === null ? new Uint8Array() : u32(row.plaintextLength),
  );

/** A row of 40 bytes, or of 36 where `bytes` has no plaintext length. */
export function readBlobRow(bytes: Uint8Array): BlobRow {
  const frameLength = readU32(bytes, 32);
  const plaintextLength = bytes.length === 40 ? readU32(bytes, 36) : null;
  invalid(frameLength >= FRAME_OVERHEAD + 8, 'a row with a frame that is too short');
  demand(
    frameLength <= LIMITS.sealedBytes + FRAME_OVERHEAD,
    'LIMIT_EXCEEDED',
    '§15',
    'a row with a frame too long',
  );
  demand(
    (plaintextLength ?? 0) <= LIMITS.plaintextBytes,
    'LIMIT_EXCEEDED',
    '§15',
    'a row with too much plaintext',
  );
  return { id: bytes.slice(0, 32), frameLength, plaintextLength };
}

function readRows(blobs: Uint8Array, size: 36 | 40): BlobRow[] {
  invalid(blobs.length % size === 0, 'blobs are no whole rows');
  demand(blobs.length / size <= LIMITS.pageEntries, 'LIMIT_EXCEEDED', '§15', 'too many rows');
  const rows = Array.from({ length: blobs.length / size }, (_, i) =>
    readBlobRow(blobs.subarray(i * size, (i + 1) * size)),
  );
  invalid(new Set(rows.map((row) => hex(row.id))).size === rows.length, 'an id twice');
  return rows;
}

function readOwner(value: Cbor): Owner {
  const [uid, user, gid, group] = list(value, 4);
  const most = 2 ** 32 - 1;
  return { uid: uint(uid, 0, most), user: tstr(user), gid: uint(gid, 0, most), group: tstr(group) };
}

function readBody(type: number, value: Cbor | undefined, children: number, rows: number): PageBody {
  if (type === 1) {
    const [ownerRows, entryRows] = list(value, 2);
    const owners = list(ownerRows).map(readOwner);
    const counts = { owners: owners.length, rows, children };
    const entries = atMost(list(entryRows), LIMITS.pageEntries, 'entries').map((item) =>
      readEntry(item, counts),
    );
    checkPageOrder(entries);
    return { type: 1, owners, entries };
  }
  if (type === 2) {
    list(value, 0);
    invalid(rows === 0, 'a list with blobs');
    return { type: 2 };
  }
  if (type === 3) {
    const [pieces] = list(value, 1);
    invalid(children === 0, 'a content page with children');
    return { type: 3, pieces: readPieces(pieces, rows) };
  }
  const [sealed] = list(value, 1);
  return { type: 4, sealed: readBlobRow(bstr(sealed, 36)) };
}

/** Reads the raw bytes of a page. */
export function readPageRaw(raw: Uint8Array): Page {
  const [typeItem, dedup, childItems, blobs, bodyItem] = list(decode(raw), 5);
  const type = uint(typeItem, 1, 4);
  const children = atMost(names(childItems, 'any'), LIMITS.pageEntries, 'children');
  const rows = readRows(bstr(blobs), type === 4 ? 36 : 40);
  return {
    dedup: uint(dedup, 1),
    children,
    rows,
    body: readBody(type, bodyItem, children.length, rows.length),
  };
}

/** Reads a page as stored under `name`. */
export function readPage(bytes: Uint8Array, name: Uint8Array): Page {
  demandName(name, bytes);
  return readPageRaw(readCompressedObject(bytes, 'NBKP', LIMITS.pageRawBytes));
}

/** Compares a public page with the page that it stands for (§10.7). */
export function checkSealedPage(open: Page, sealed: Page): void {
  const sameChildren =
    open.children.length === sealed.children.length &&
    open.children.every((child, i) => equal(child, sealed.children[i] ?? new Uint8Array()));
  const publicRow = (row: BlobRow): string => hex(blobRow({ ...row, plaintextLength: null }));
  const sameRows = open.rows.map(publicRow).join() === sealed.rows.map(publicRow).join();
  demand(
    sameChildren && sameRows,
    'REFERENCE_TAMPERED',
    '§10.7',
    'the public page is not that of the sealed page',
  );
  demand(open.dedup === sealed.dedup, 'REFERENCE_TAMPERED', '§10.7', 'another dedup secret');
  const sealable = sealed.body.type === 1 || sealed.body.type === 3;
  demand(sealable, 'REFERENCE_TAMPERED', '§10.7', 'only pages of type 1 and 3 are sealed');
}
