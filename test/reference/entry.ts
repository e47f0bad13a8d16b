/** Entries of pages (spec §10.4) and the pieces of their content (spec §10.5). */
import type { Cbor } from './cbor.js';
import { demand } from './fail.js';
import { LIMITS } from './limits.js';
import { checkPath } from './path.js';
import { ascending, atMost, bstr, int, list, uint, uint64 } from './shape.js';

const FILE = 0;
const SYMLINK = 2;
const invalid: (holds: boolean, message: string) => asserts holds = (holds, message) =>
  demand(holds, 'FORMAT_INVALID', '§10.4', message);

/** A whole blob (row) or a slice of a bundle (row, slice). */
export type Piece = number | [row: number, slice: number];

export interface Database {
  readonly pageSize: number;
  readonly pages: number;
  readonly userVersion: number;
  readonly applicationId: number;
  readonly journal: number;
  readonly check: number;
}

/** The extra fields; `null` where they do not apply. */
export interface Extra {
  readonly linkTarget: Uint8Array | null;
  readonly device: [major: number, minor: number] | null;
  readonly hardLink: number | null;
  readonly attributes: [name: Uint8Array, value: Uint8Array][] | null;
  readonly holes: [offset: number, length: number][] | null;
  readonly database: Database | null;
  readonly contentPages: number[] | null;
  readonly flags: number | null;
}

export interface Entry {
  readonly path: Uint8Array;
  readonly kind: number;
  readonly mode: number;
  readonly owner: number;
  readonly size: number;
  readonly mtime: [seconds: number, nanoseconds: number];
  readonly ctime: [seconds: number, nanoseconds: number];
  readonly inode: bigint;
  readonly content: Piece[];
  readonly digest: Uint8Array;
  readonly extra: Extra;
}

/** What an entry may refer to in its page. */
export interface PageCounts {
  readonly owners: number;
  readonly rows: number;
  readonly children: number;
}

export function readPieces(value: Cbor | undefined, rows: number): Piece[] {
  return atMost(list(value), LIMITS.pageEntries, 'pieces').map((item): Piece => {
    if (typeof item === 'number') return uint(item, 0, rows - 1);
    const [row, slice] = list(item, 2);
    return [uint(row, 0, rows - 1), uint(slice, 0, LIMITS.bundleSlices - 1)];
  });
}

function pairs<T>(value: Cbor, read: (first: Cbor | undefined, second: Cbor | undefined) => T): T[] {
  return list(value).map((item) => {
    const [first, second] = list(item, 2);
    return read(first, second);
  });
}

function readHoles(value: Cbor, size: number): [number, number][] {
  const holes = pairs(value, (offset, length): [number, number] => [uint(offset), uint(length, 1)]);
  holes.forEach(([offset, length], i) => {
    const before = holes[i - 1];
    invalid(before === undefined || before[0] + before[1] < offset, 'holes touch or are out of order');
    invalid(offset + length <= size, 'a hole beyond the end');
  });
  return holes;
}

function readAttributes(value: Cbor): [Uint8Array, Uint8Array][] {
  const attributes = pairs(value, (name, content): [Uint8Array, Uint8Array] => [bstr(name), bstr(content)]);
  ascending(attributes.map(([name]) => name));
  return attributes;
}

function readDatabase(value: Cbor): Database {
  const [pageSize, pages, userVersion, applicationId, journal, check] = list(value, 6);
  return {
    pageSize: uint(pageSize, 0, 65536),
    pages: uint(pages),
    userVersion: int(userVersion),
    applicationId: int(applicationId),
    journal: uint(journal, 0, 1),
    check: uint(check, 0, 3),
  };
}

function readTarget(value: Cbor): Uint8Array {
  const target = bstr(value);
  invalid(target.length >= 1 && target.length <= LIMITS.pathBytes, 'link target of another length');
  invalid(!target.includes(0), 'a zero byte in a link target');
  return target;
}

function readExtra(value: Cbor | undefined, kind: number, size: number, counts: PageCounts): Extra {
  invalid(value instanceof Map, 'extra is no map');
  const known = [1, 2, 3, 4, 5, 6, 7, 8];
  invalid(
    [...value.keys()].every((key) => typeof key === 'number' && known.includes(key)),
    'unknown extra',
  );
  const field = <T>(key: number, allowed: boolean, read: (item: Cbor) => T): T | null => {
    const item = value.get(key);
    if (item === undefined) return null;
    invalid(allowed, 'an extra that does not apply to this kind');
    return read(item);
  };
  const file = kind === FILE;
  const device = kind === 5 || kind === 6;
  invalid(
    value.has(1) === (kind === SYMLINK) && value.has(2) === device,
    'an extra is missing or does not apply',
  );
  return {
    linkTarget: field(1, true, readTarget),
    device: field(2, true, (item) => {
      const [major, minor] = list(item, 2);
      return [uint(major), uint(minor)];
    }),
    hardLink: field(3, file, (item) => uint(item)),
    attributes: field(4, true, readAttributes),
    holes: field(5, file, (item) => readHoles(item, size)),
    database: field(6, file, readDatabase),
    contentPages: field(7, file, (item) => {
      const pages = list(item).map((child) => uint(child, 0, counts.children - 1));
      invalid(pages.length > 0, 'no content pages');
      return pages;
    }),
    flags: field(8, true, (item) => uint(item, 1, 7)),
  };
}

export function readEntry(value: Cbor, counts: PageCounts): Entry {
  const row = list(value, 13);
  const path = bstr(row[0]);
  checkPath(path);
  const kind = uint(row[1], 0, 6);
  const size = uint(row[4]);
  const content = readPieces(row[10], counts.rows);
  const extra = readExtra(row[12], kind, size, counts);
  invalid(kind === FILE || (size === 0 && content.length === 0), 'only files have size and content');
  invalid(extra.contentPages === null || content.length === 0, 'content both here and in content pages');
  return {
    path,
    kind,
    mode: uint(row[2], 0, 0o7777),
    owner: uint(row[3], 0, counts.owners - 1),
    size,
    mtime: [int(row[5]), uint(row[6], 0, 999_999_999)],
    ctime: [int(row[7]), uint(row[8], 0, 999_999_999)],
    inode: uint64(row[9]),
    content,
    digest: bstr(row[11], kind === FILE ? 32 : 0),
    extra,
  };
}
