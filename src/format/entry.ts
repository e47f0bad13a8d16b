/** One file, directory or link in a page of entries. Implements §10.4 and §10.5. */

import { compareBytes } from './bytes.js';
import type { CborValue } from './cbor.js';
import { LIMITS } from './limits.js';
import { assertSafePath, pathFromBytes, pathToBytes, type BytePath } from './path.js';
import {
  asArray,
  asBytes,
  asInt,
  asUint,
  asUint64,
  assertAscending,
  invalidField,
  limitExceeded,
} from './shape.js';

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
const STRUCTURE = 'a page entry';

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
 * Decodes one entry and checks its shape, its path and its references into the page.
 *
 * @throws NbakError `FORMAT_INVALID`, `LIMIT_EXCEEDED` or `PATH_UNSAFE`.
 */
export function decodeEntry(value: CborValue, bounds: PageBounds): Entry {
  const f = asArray(value, STRUCTURE, 'the entry', 13);
  const path = pathFromBytes(asBytes(f[0], STRUCTURE, 'path'));
  assertSafePath(path);
  const kind = ENTRY_KINDS[asUint(f[1], STRUCTURE, 'kind', ENTRY_KINDS.length - 1)] ?? 'file';
  const entry: Entry = {
    path,
    kind,
    mode: asUint(f[2], STRUCTURE, 'mode', 0o7777),
    owner: asUint(f[3], STRUCTURE, 'owner', bounds.owners - 1),
    size: asUint(f[4], STRUCTURE, 'size'),
    mtime: decodeTimestamp(f[5], f[6]),
    ctime: decodeTimestamp(f[7], f[8]),
    inode: asUint64(f[9], STRUCTURE, 'inode'),
    content: decodePieces(f[10], bounds.blobs, STRUCTURE),
    digest: asBytes(f[11], STRUCTURE, 'digest', kind === 'file' ? 32 : 0),
    extra: decodeExtra(f[12], bounds),
  };
  assertConsistent(entry);
  return entry;
}

/** Decodes a list of pieces whose rows lie in a table of `rows`. */
export function decodePieces(
  value: CborValue | undefined,
  rows: number,
  structure: string,
): readonly Piece[] {
  const pieces = asArray(value, structure, 'content');
  if (pieces.length > LIMITS.pageEntries)
    throw limitExceeded(structure, 'pageEntries', pieces.length, LIMITS.pageEntries);
  return pieces.map((piece): Piece => {
    if (typeof piece === 'number') return { row: asUint(piece, structure, 'piece', rows - 1) };
    const pair = asArray(piece, structure, 'piece', 2);
    return {
      row: asUint(pair[0], structure, 'piece', rows - 1),
      slice: asUint(pair[1], structure, 'slice', LIMITS.bundleSlices - 1),
    };
  });
}

function decodeTimestamp(seconds: CborValue | undefined, nanoseconds: CborValue | undefined): Timestamp {
  return {
    seconds: asInt(seconds, STRUCTURE, 'a time'),
    nanoseconds: asUint(nanoseconds, STRUCTURE, 'nanoseconds', 999_999_999),
  };
}

const NO_EXTRA: EntryExtra = Object.freeze({});

function decodeExtra(value: CborValue | undefined, bounds: PageBounds): EntryExtra {
  if (!(value instanceof Map)) throw invalidField(STRUCTURE, 'extra', 'a map');
  if (value.size === 0) return NO_EXTRA;
  const extra: { -readonly [Key in keyof EntryExtra]: EntryExtra[Key] } = {};
  for (const [key, item] of value as ReadonlyMap<string | number, CborValue>) {
    switch (key) {
      case 1: {
        const target = asBytes(item, STRUCTURE, 'target');
        if (target.length < 1 || target.length > LIMITS.pathBytes || target.includes(0)) {
          throw invalidField(STRUCTURE, 'target', `1 to ${LIMITS.pathBytes} bytes without zero`);
        }
        extra.target = pathFromBytes(target);
        break;
      }
      case 2: {
        const [major, minor] = asArray(item, STRUCTURE, 'device number', 2);
        extra.device = [asUint(major, STRUCTURE, 'major'), asUint(minor, STRUCTURE, 'minor')];
        break;
      }
      case 3:
        extra.hardLink = asUint(item, STRUCTURE, 'hard-link group');
        break;
      case 4:
        extra.xattrs = decodeXattrs(item);
        break;
      case 5:
        extra.holes = decodeHoles(item);
        break;
      case 6:
        extra.database = decodeDatabase(item);
        break;
      case 7:
        extra.contentPages = asArray(item, STRUCTURE, 'content pages').map((child) =>
          asUint(child, STRUCTURE, 'content page', bounds.children - 1),
        );
        if (extra.contentPages.length === 0) throw invalidField(STRUCTURE, 'content pages', 'at least one');
        break;
      case 8:
        extra.flags = asUint(item, STRUCTURE, 'flags', 7);
        if (extra.flags === 0) throw invalidField(STRUCTURE, 'flags', 'absent where none is set');
        break;
      default:
        throw invalidField(STRUCTURE, 'extra', 'a map of the known keys');
    }
  }
  return extra;
}

function decodeXattrs(value: CborValue): NonNullable<EntryExtra['xattrs']> {
  const list = asArray(value, STRUCTURE, 'extended attributes').map(
    (item): readonly [Uint8Array, Uint8Array] => {
      const [name, content] = asArray(item, STRUCTURE, 'an extended attribute', 2);
      return [asBytes(name, STRUCTURE, 'attribute name'), asBytes(content, STRUCTURE, 'attribute value')];
    },
  );
  assertAscending(list, (a, b) => compareBytes(a[0], b[0]), STRUCTURE, 'extended attributes');
  return list;
}

function decodeHoles(value: CborValue): NonNullable<EntryExtra['holes']> {
  let end = -1;
  return asArray(value, STRUCTURE, 'holes').map((item): readonly [number, number] => {
    const pair = asArray(item, STRUCTURE, 'a hole', 2);
    const offset = asUint(pair[0], STRUCTURE, 'hole offset');
    const length = asUint(pair[1], STRUCTURE, 'hole length');
    if (length < 1 || offset <= end) throw invalidField(STRUCTURE, 'holes', 'ascending and apart');
    end = offset + length;
    return [offset, length];
  });
}

function decodeDatabase(value: CborValue): DatabaseFacts {
  const f = asArray(value, STRUCTURE, 'database', 6);
  return {
    pageSize: asUint(f[0], STRUCTURE, 'page size', 65_536),
    pages: asUint(f[1], STRUCTURE, 'pages'),
    userVersion: asInt(f[2], STRUCTURE, 'user_version'),
    applicationId: asInt(f[3], STRUCTURE, 'application_id'),
    journal: asUint(f[4], STRUCTURE, 'journal', 1) === 1 ? 'wal' : 'rollback',
    check: CHECKS[asUint(f[5], STRUCTURE, 'check', 3)] ?? 'not-run',
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
