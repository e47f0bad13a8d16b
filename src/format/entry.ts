/** One file, directory or link in a page of entries. Implements §10.4 and §10.5. */

import { compareBytes } from './bytes.js';
import type { CborReader } from './cbor-reader.js';
import type { CborValue } from './cbor-value.js';
import { LIMITS } from './limits.js';
import { assertSafePath, pathFromBytes, pathToBytes, type BytePath } from './path.js';
import { assertAscending, invalidField, limitExceeded } from './shape.js';

/** Kinds of entries, in the order of their numbers (§10.4). */
export const ENTRY_KINDS = [
  'file',
  'directory',
  'symlink',
  'fifo',
  'socket',
  'character-device',
  'block-device',
] as const;
/** What an entry is. */
export type EntryKind = (typeof ENTRY_KINDS)[number];

/** Seconds and nanoseconds since 1970. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** A whole blob (`slice` absent) or one slice of a bundle, by row of the page's blob table (§10.5). */
export interface Piece {
  readonly row: number;
  readonly slice?: number;
}

/** Facts of a file that was captured as a SQLite database (§10.4 key 6). */
export interface DatabaseFacts {
  readonly pageSize: number;
  readonly pages: number;
  readonly userVersion: number;
  readonly applicationId: number;
  readonly journal: 'rollback' | 'wal';
  readonly check: 'not-run' | 'ok' | 'damaged' | 'not-checkable';
}

/** What only some entries have (§10.4). */
export interface EntryExtra {
  readonly target?: BytePath;
  readonly device?: readonly [major: number, minor: number];
  readonly hardLink?: number;
  readonly xattrs?: readonly (readonly [name: Uint8Array, value: Uint8Array])[];
  readonly holes?: readonly (readonly [offset: number, length: number])[];
  readonly database?: DatabaseFacts;
  readonly contentPages?: readonly number[];
  /** Bits of {@link ENTRY_FLAGS}. */
  readonly flags?: number;
}

/** Bits of {@link EntryExtra.flags}. */
export const ENTRY_FLAGS = { torn: 1, damaged: 2, unreadable: 4 } as const;

/** An entry as it stands in a page. */
export interface Entry {
  readonly path: BytePath;
  readonly kind: EntryKind;
  /** Permission bits, 0 … 0o7777. */
  readonly mode: number;
  /** Row of the page's owners. */
  readonly owner: number;
  /** Bytes, for files; else 0. */
  readonly size: number;
  readonly mtime: Timestamp;
  readonly ctime: Timestamp;
  readonly inode: bigint;
  readonly content: readonly Piece[];
  /** Keyed digest (§3.7), 32 bytes for files, empty for others. */
  readonly digest: Uint8Array;
  readonly extra: EntryExtra;
}

const CHECKS = ['not-run', 'ok', 'damaged', 'not-checkable'] as const;
const STRUCTURE = 'a page';

/** Encodes one entry as the array of §10.4. */
export function encodeEntry(entry: Entry): CborValue {
  return [
    pathToBytes(entry.path),
    ENTRY_KINDS.indexOf(entry.kind),
    entry.mode,
    entry.owner,
    entry.size,
    entry.mtime.seconds,
    entry.mtime.nanoseconds,
    entry.ctime.seconds,
    entry.ctime.nanoseconds,
    entry.inode <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(entry.inode) : entry.inode,
    encodePieces(entry.content),
    entry.digest,
    encodeExtra(entry.extra),
  ];
}

/** Encodes a list of pieces (§10.5). */
export function encodePieces(pieces: readonly Piece[]): CborValue {
  return pieces.map(({ row, slice }) => (slice === undefined ? row : [row, slice]));
}

function encodeExtra(extra: EntryExtra): CborValue {
  const map = new Map<number, CborValue>();
  if (extra.target !== undefined) map.set(1, pathToBytes(extra.target));
  if (extra.device !== undefined) map.set(2, [...extra.device]);
  if (extra.hardLink !== undefined) map.set(3, extra.hardLink);
  if (extra.xattrs !== undefined)
    map.set(
      4,
      extra.xattrs.map(([name, value]) => [name, value]),
    );
  if (extra.holes !== undefined)
    map.set(
      5,
      extra.holes.map(([offset, length]) => [offset, length]),
    );
  if (extra.database !== undefined) {
    const { pageSize, pages, userVersion, applicationId, journal, check } = extra.database;
    map.set(6, [
      pageSize,
      pages,
      userVersion,
      applicationId,
      journal === 'wal' ? 1 : 0,
      CHECKS.indexOf(check),
    ]);
  }
  if (extra.contentPages !== undefined) map.set(7, [...extra.contentPages]);
  if (extra.flags !== undefined) map.set(8, extra.flags);
  return map;
}

/** The bounds that an entry's references must keep: the sizes of its page's tables. */
export interface PageBounds {
  readonly owners: number;
  readonly blobs: number;
  readonly children: number;
}

/**
 * Reads one entry and checks its shape, its path and its references into the page.
 *
 * @throws NbakError `FORMAT_INVALID`, `LIMIT_EXCEEDED` or `PATH_UNSAFE`.
 */
export function readEntry(from: CborReader, bounds: PageBounds): Entry {
  from.array('an entry', 13);
  const path = pathFromBytes(from.bytes('path'));
  assertSafePath(path);
  const kind = ENTRY_KINDS[from.uint('kind', ENTRY_KINDS.length - 1)] ?? 'file';
  // In the order in which they are stored.
  const entry: Entry = {
    path,
    kind,
    mode: from.uint('mode', 0o7777),
    owner: from.uint('owner', bounds.owners - 1),
    size: from.uint('size'),
    mtime: readTimestamp(from),
    ctime: readTimestamp(from),
    inode: from.uint64('inode'),
    content: readPieces(from, bounds.blobs),
    digest: from.bytes('digest', kind === 'file' ? 32 : 0),
    extra: readExtra(from, bounds),
  };
  assertConsistent(entry);
  return entry;
}

/** Reads a list of pieces whose rows lie in a table of `rows`. */
export function readPieces(from: CborReader, rows: number): readonly Piece[] {
  const count = from.array('content');
  assertPageCount(count);
  return from.items(count, () => readPiece(from, rows));
}

function readPiece(from: CborReader, rows: number): Piece {
  if (!from.nextIsArray()) return { row: from.uint('piece', rows - 1) };
  from.array('piece', 2);
  return { row: from.uint('piece', rows - 1), slice: from.uint('slice', LIMITS.bundleSlices - 1) };
}

/** Throws `LIMIT_EXCEEDED` for more of anything than a page may have (§15). Before it is built, where that can be. */
export function assertPageCount(count: number): void {
  if (count > LIMITS.pageEntries) throw limitExceeded(STRUCTURE, 'pageEntries', count, LIMITS.pageEntries);
}

function readTimestamp(from: CborReader): Timestamp {
  return { seconds: from.int('a time'), nanoseconds: from.uint('nanoseconds', 999_999_999) };
}

const NO_EXTRA: EntryExtra = Object.freeze({});

function readExtra(from: CborReader, bounds: PageBounds): EntryExtra {
  const count = from.map('extra');
  if (count === 0) return NO_EXTRA;
  const extra: { -readonly [Key in keyof EntryExtra]: EntryExtra[Key] } = {};
  for (let i = 0; i < count; i += 1) {
    switch (from.uint('a key of extra')) {
      case 1:
        extra.target = readTarget(from);
        break;
      case 2:
        from.array('device number', 2);
        extra.device = [from.uint('major'), from.uint('minor')];
        break;
      case 3:
        extra.hardLink = from.uint('hard-link group');
        break;
      case 4:
        extra.xattrs = readXattrs(from);
        break;
      case 5:
        extra.holes = readHoles(from);
        break;
      case 6:
        extra.database = readDatabase(from);
        break;
      case 7:
        extra.contentPages = from.list('content pages', () => from.uint('content page', bounds.children - 1));
        if (extra.contentPages.length === 0) throw invalidField(STRUCTURE, 'content pages', 'at least one');
        break;
      case 8:
        extra.flags = from.uint('flags', 7);
        if (extra.flags === 0) throw invalidField(STRUCTURE, 'flags', 'absent where none is set');
        break;
      default:
        throw invalidField(STRUCTURE, 'extra', 'a map of the known keys');
    }
  }
  return extra;
}

function readTarget(from: CborReader): BytePath {
  const target = from.bytes('target');
  if (target.length < 1 || target.length > LIMITS.pathBytes || target.includes(0))
    throw invalidField(STRUCTURE, 'target', `1 to ${LIMITS.pathBytes} bytes without zero`);
  return pathFromBytes(target);
}

function readXattrs(from: CborReader): NonNullable<EntryExtra['xattrs']> {
  const list = from.list('extended attributes', (): readonly [Uint8Array, Uint8Array] => {
    from.array('an extended attribute', 2);
    return [from.bytes('attribute name'), from.bytes('attribute value')];
  });
  assertAscending(list, (a, b) => compareBytes(a[0], b[0]), STRUCTURE, 'extended attributes');
  return list;
}

function readHoles(from: CborReader): NonNullable<EntryExtra['holes']> {
  let end = -1;
  return from.list('holes', (): readonly [number, number] => {
    from.array('a hole', 2);
    const offset = from.uint('hole offset');
    const length = from.uint('hole length');
    if (length < 1 || offset <= end) throw invalidField(STRUCTURE, 'holes', 'ascending and apart');
    end = offset + length;
    return [offset, length];
  });
}

function readDatabase(from: CborReader): DatabaseFacts {
  from.array('database', 6);
  return {
    pageSize: from.uint('page size', 65_536),
    pages: from.uint('pages'),
    userVersion: from.int('user_version'),
    applicationId: from.int('application_id'),
    journal: from.uint('journal', 1) === 1 ? 'wal' : 'rollback',
    check: CHECKS[from.uint('check', 3)] ?? 'not-run',
  };
}

/** What only files, links and devices may have, they have; nobody else does. */
function assertConsistent({ kind, size, content, extra }: Entry): void {
  const isFile = kind === 'file';
  if ((kind === 'symlink') !== (extra.target !== undefined))
    throw invalidField(STRUCTURE, 'target', 'on links only');
  const isDevice = kind === 'character-device' || kind === 'block-device';
  if (isDevice !== (extra.device !== undefined))
    throw invalidField(STRUCTURE, 'device number', 'on devices only');
  const ofFiles = extra.holes ?? extra.database ?? extra.hardLink ?? extra.contentPages;
  if (!isFile && (content.length > 0 || size > 0 || ofFiles !== undefined)) {
    throw invalidField(STRUCTURE, 'content', 'on files only');
  }
  const lastHole = extra.holes?.at(-1);
  if (lastHole !== undefined && lastHole[0] + lastHole[1] > size)
    throw invalidField(STRUCTURE, 'holes', 'within the file');
  if (extra.contentPages !== undefined && content.length > 0) {
    throw invalidField(STRUCTURE, 'content', 'empty where there are content pages');
  }
}
