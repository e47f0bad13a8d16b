/** Generators of valid structures of the format, and of byte strings that are nearly valid. */

import fc from 'fast-check';
import { toHex } from '#nbak/format/bytes.js';
import type { Entry, EntryExtra, EntryKind } from '#nbak/format/entry.js';
import type { BackupId, BlobId, PageId, RepositoryId } from '#nbak/format/ids.js';
import { CUTS, PURPOSES, type Manifest, type ManifestDetail } from '#nbak/format/manifest.js';
import type { Footer } from '#nbak/format/pack.js';
import type { Page, PlainBlobRow } from '#nbak/format/page.js';
import { comparePaths, joinPath, pathFromBytes, type BytePath } from '#nbak/format/path.js';

/** How many runs a property gets; many more with SLOW=1. */
export const runs = (modest: number): { readonly numRuns: number } => ({
  numRuns: process.env['SLOW'] === '1' ? modest * 20 : modest,
});

const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
const hex = (length: number): fc.Arbitrary<string> => bytes(length).map(toHex);
const id = <T extends string>(length = 32): fc.Arbitrary<T> => hex(length) as fc.Arbitrary<T>;
const count = fc.oneof(
  fc.integer({ min: 1, max: 300 }),
  fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
);
const amount = fc.oneof(fc.nat(300), fc.maxSafeNat());
const signed = fc.oneof(fc.integer(), fc.maxSafeInteger());
const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const u32 = fc.nat(0xffff_ffff);
const epoch = fc.integer({ min: 1, max: 0xffff_ffff });
const frameLength = fc.integer({ min: 132, max: 17_000_000 });

/** One component of a path: bytes, often no UTF-8, never `.`, `..` or empty. */
export const component: fc.Arbitrary<string> = fc
  .oneof(
    fc.uint8Array({ minLength: 1, maxLength: 12 }).map(pathFromBytes),
    fc.constantFrom(
      'a',
      'b',
      ' ',
      '-',
      '...',
      'a-b',
      'a b',
      '\u00ff',
      '\n',
      '\u001b[1m',
    ) as fc.Arbitrary<BytePath>,
  )
  .filter((name) => !/[/\0]/.test(name) && name !== '.' && name !== '..');

const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });

/** A footer's payload. */
export const footer: fc.Arbitrary<Footer> = fc.record({
  repository: id<RepositoryId>(16),
  epoch,
  session: bytes(16),
  dedup: count,
  blobs: fc.uniqueArray(
    fc
      .record({
        id: id<BlobId>(),
        tag: hex(32),
        kind: fc.constantFrom(1 as const, 2 as const, 3 as const, 4 as const, 5 as const),
        length: frameLength,
        as: optional(hex(32)),
      })
      .map(({ as, ...blob }) => (as === undefined ? blob : { ...blob, as })),
    { minLength: 1, maxLength: 8, selector: (blob) => blob.id },
  ),
});

const detail: fc.Arbitrary<ManifestDetail> = fc.record({
  host: text,
  roots: fc.uniqueArray(
    fc.record({
      name: component as fc.Arbitrary<BytePath>,
      path: bytes(6).map(pathFromBytes),
      entries: count,
    }),
    { minLength: 1, maxLength: 3, selector: ({ name }) => name },
  ),
  tags: fc
    .uniqueArray(text, { maxLength: 4 })
    .map((tags) => [...tags].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))),
  profile: text,
  scope: fc.record({
    exclude: fc.array(text, { maxLength: 3 }),
    excludeCaches: fc.boolean(),
    oneFileSystem: fc.boolean(),
  }),
  cut: fc.constantFrom(...CUTS),
  torn: fc.array(bytes(5).map(pathFromBytes), { maxLength: 3 }),
  unreadable: fc.array(fc.tuple(bytes(5).map(pathFromBytes), text), { maxLength: 3 }),
  outside: fc.array(text, { maxLength: 2 }),
  writer: text,
});

const blobRow = fc.record({ id: id<BlobId>(), length: frameLength });

/** A manifest's payload. */
export const manifest: fc.Arbitrary<Manifest> = fc.record({
  id: bytes(16),
  repository: id<RepositoryId>(16),
  epoch,
  time: signed,
  signedAt: signed,
  parents: fc.uniqueArray(id<BackupId>(), { maxLength: 4 }).map((ids) => [...ids].sort()),
  sequence: count,
  purpose: fc.constantFrom(...PURPOSES),
  dedup: count,
  totals: fc.record({ files: amount, directories: amount, others: amount, bytes: amount }),
  pages: fc.array(id<PageId>(), { maxLength: 4 }),
  detail: fc.oneof(detail, blobRow),
});

const timestamp = fc.record({ seconds: signed, nanoseconds: fc.nat(999_999_999) });
const plainRows: fc.Arbitrary<PlainBlobRow[]> = fc.uniqueArray(
  fc.record({ id: id<BlobId>(), length: frameLength, plaintextLength: fc.nat(16_777_216) }),
  { minLength: 1, maxLength: 5, selector: (row) => row.id },
);
const pieces = (rows: number): fc.Arbitrary<Entry['content']> =>
  fc.array(
    fc
      .record({ row: fc.nat(rows - 1), slice: optional(fc.nat(8191)) })
      .map(({ row, slice }) => (slice === undefined ? { row } : { row, slice })),
    { maxLength: 4 },
  );

/** Paths in order, each below a directory before it, the root first; names that no directory has are free. */
const tree: fc.Arbitrary<readonly { readonly path: BytePath; readonly kind: EntryKind }[]> = fc
  .array(
    fc.record({
      parent: fc.nat(20),
      name: component,
      kind: fc.constantFrom<EntryKind>('file', 'directory', 'symlink', 'fifo', 'socket', 'character-device'),
    }),
    { maxLength: 10 },
  )
  .map((items) => {
    const taken = new Map<BytePath, EntryKind>([['' as BytePath, 'directory']]);
    for (const { parent, name, kind } of items) {
      const directories = [...taken].filter(([, of]) => of === 'directory').map(([path]) => path);
      const path = joinPath(directories[parent % directories.length] ?? ('' as BytePath), name);
      if (!taken.has(path)) taken.set(path, kind);
    }
    return [...taken].map(([path, kind]) => ({ path, kind })).sort((a, b) => comparePaths(a.path, b.path));
  });

function extraOf(kind: EntryKind, children: number): fc.Arbitrary<EntryExtra> {
  const xattrs = optional(
    fc
      .uniqueArray(fc.tuple(bytes(4), fc.uint8Array({ maxLength: 6 })), {
        maxLength: 3,
        selector: ([name]) => toHex(name),
      })
      .map((list) => [...list].sort(([a], [b]) => Buffer.compare(a, b))),
  );
  const flags = optional(fc.integer({ min: 1, max: 7 }));
  const target = bytes(7)
    .filter((path) => !path.includes(0))
    .map(pathFromBytes);
  const database = fc.record({
    pageSize: fc.constantFrom(512, 4096, 65_536),
    pages: amount,
    userVersion: fc.integer(),
    applicationId: fc.integer(),
    journal: fc.constantFrom('rollback' as const, 'wal' as const),
    check: fc.constantFrom('not-run' as const, 'ok' as const, 'damaged' as const, 'not-checkable' as const),
  });
  const none = fc.constant(undefined);
  return fc
    .record({
      target: kind === 'symlink' ? target : none,
      device: kind === 'character-device' ? fc.tuple(amount, amount) : none,
      hardLink: kind === 'file' ? optional(amount) : none,
      xattrs,
      database: kind === 'file' ? optional(database) : none,
      contentPages:
        kind === 'file' && children > 0
          ? optional(fc.array(fc.nat(children - 1), { minLength: 1, maxLength: 3 }))
          : none,
      flags,
    })
    .map((extra) => Object.fromEntries(Object.entries(extra).filter(([, value]) => value !== undefined)));
}

const entriesPage: fc.Arbitrary<Page> = fc
  .record({
    dedup: count,
    children: fc.array(id<PageId>(), { maxLength: 2 }),
    blobs: plainRows,
    owners: fc.array(fc.record({ uid: u32, user: text, gid: u32, group: text }), {
      minLength: 1,
      maxLength: 3,
    }),
    tree,
  })
  .chain(({ tree: paths, ...page }) =>
    fc
      .tuple(
        ...paths.map(({ path, kind }) =>
          fc.record({
            path: fc.constant(path),
            kind: fc.constant(kind),
            mode: fc.nat(0o7777),
            owner: fc.nat(page.owners.length - 1),
            size: kind === 'file' ? amount : fc.constant(0),
            mtime: timestamp,
            ctime: timestamp,
            inode: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
            content: kind === 'file' ? pieces(page.blobs.length) : fc.constant([]),
            digest: bytes(kind === 'file' ? 32 : 0),
            extra: extraOf(kind, page.children.length),
          }),
        ),
      )
      .map((entries): Page => ({
        type: 'entries',
        ...page,
        entries: entries.map((entry) =>
          entry.extra.contentPages === undefined ? entry : { ...entry, content: [] },
        ),
      })),
  );

/** A page of each type. */
export const page: fc.Arbitrary<Page> = fc.oneof(
  { arbitrary: entriesPage, weight: 3 },
  {
    arbitrary: fc.record({
      type: fc.constant('list' as const),
      dedup: count,
      children: fc.array(id<PageId>(), { minLength: 1, maxLength: 5 }),
      blobs: fc.constant([] as const),
    }),
    weight: 1,
  },
  {
    arbitrary: fc.record({ dedup: count, blobs: plainRows }).chain(({ dedup, blobs }) =>
      pieces(blobs.length).map((list): Page => ({
        type: 'content',
        dedup,
        children: [],
        blobs,
        pieces: list,
      })),
    ),
    weight: 1,
  },
  {
    arbitrary: fc.record({
      type: fc.constant('public' as const),
      dedup: count,
      children: fc.array(id<PageId>(), { maxLength: 2 }),
      blobs: fc.uniqueArray(blobRow, { maxLength: 4, selector: (row) => row.id }),
      sealed: blobRow,
    }),
    weight: 1,
  },
);

/** What may happen to bytes on their way. */
const mutation = fc.record({
  kind: fc.constantFrom('flip', 'set', 'cut', 'insert', 'repeat', 'remove'),
  at: fc.nat(10_000),
  value: fc.nat(255),
  length: fc.integer({ min: 1, max: 9 }),
});

/** `original` after one to three mutations. */
export function mutated(original: Uint8Array): fc.Arbitrary<Uint8Array> {
  return fc.array(mutation, { minLength: 1, maxLength: 3 }).map((mutations) =>
    mutations.reduce<Uint8Array>((given, { kind, at, value, length }) => {
      const list = [...given];
      const place = list.length === 0 ? 0 : at % list.length;
      if (kind === 'flip') list[place] = (list[place] ?? 0) ^ (1 << (value % 8));
      else if (kind === 'set') list[place] = value;
      else if (kind === 'cut') list.length = place;
      else if (kind === 'insert') list.splice(place, 0, value);
      else if (kind === 'repeat') list.splice(place, 0, ...list.slice(place, place + length));
      else list.splice(place, length);
      return Uint8Array.from(list);
    }, original),
  );
}
