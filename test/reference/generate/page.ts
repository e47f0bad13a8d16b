/** Vectors of page.json. */
import { ascii, concat, u32, zeros } from '../bytes.js';
import { encode } from '../cbor.js';
import { compressedObject, storedObject } from '../compressed-object.js';
import { hash } from '../schedule.js';
import { seeded } from '../seeded.js';
import { frameOf } from '../zstd.js';
import { type Draft, type DraftFile, group, invalid, valid, type Values } from './draft.js';
import { append, flip, patch, withItem } from './verbs.js';
import {
  child,
  digestOf,
  entriesPage,
  entry,
  motd,
  owners,
  page,
  type PageParts,
  root,
  row,
  rowA,
  rowB,
  withEntry,
} from './pages.js';
import { blobOf, secrets } from './world.js';

const input = (object: Uint8Array): Values => ({ object, name: hash(object) });
const reads = (comment: string, clause: string, raw: Uint8Array): Draft =>
  valid(comment, clause, input(storedObject('NBKP', raw)), { raw });
const refuses = (error: Draft['error'] & string, comment: string, clause: string, raw: Uint8Array): Draft =>
  invalid(error, comment, clause, input(storedObject('NBKP', raw)));
const bad = (comment: string, clause: string, raw: Uint8Array): Draft =>
  refuses('FORMAT_INVALID', comment, clause, raw);

const tree = entriesPage(
  [
    root,
    entry('dir', {
      kind: 1,
      extra: [
        [
          4,
          [
            [ascii('user.a'), ascii('1')],
            [ascii('user.b'), zeros(0)],
          ],
        ],
      ],
    }),
    entry('dir/app.db', { kind: 0, size: 5000, content: [0], extra: [[6, [4096, 2, -7, 0x12345678, 1, 1]]] }),
    entry('dir/copy', { kind: 0, size: 5000, content: [0], extra: [[3, 1]] }),
    entry('dir/link', { kind: 2, extra: [[1, ascii('../elsewhere')]] }),
    entry('dir/sparse', {
      kind: 0,
      size: 9000,
      content: [0],
      extra: [
        [
          5,
          [
            [0, 1000],
            [2000, 3000],
          ],
        ],
      ],
    }),
    entry('dir-', { kind: 3 }),
    entry('empty', { kind: 0 }),
    entry('huge', { kind: 0, size: 2 ** 40, extra: [[7, [0]]] }),
    entry('null', { kind: 5, extra: [[2, [1, 3]]] }),
    entry('small', {
      kind: 0,
      size: 10,
      content: [
        [1, 0],
        [1, 7],
      ],
    }),
    entry('socket', { kind: 4 }),
    entry('torn', { kind: 0, size: 5000, content: [0], extra: [[8, 1]] }),
  ],
  { children: [child] },
);

const zstd = (raw: Uint8Array): Uint8Array =>
  frameOf([{ type: 'raw', bytes: raw }], { contentSize: raw.length });
const stored = storedObject('NBKP', tree);

const containers = [
  invalid('OBJECT_CORRUPT', 'a flipped bit', '§16.1', { object: flip(stored, 100), name: hash(stored) }),
  invalid('FORMAT_INVALID', 'the magic of an index', '§5.3', input(patch(stored, 0, ascii('NBKI')))),
  invalid('FORMAT_NEWER', 'version 3', '§5.3', input(patch(stored, 4, Uint8Array.of(3)))),
  invalid('FORMAT_NEWER', 'codec 2', '§5.3', input(patch(stored, 5, Uint8Array.of(2)))),
  invalid(
    'LIMIT_EXCEEDED',
    'a raw length beyond the limit, before anything is allocated',
    '§15',
    input(compressedObject('NBKP', 1, 4294967295, zstd(tree))),
  ),
  invalid(
    'FORMAT_INVALID',
    'a raw length below the frame’s content size',
    '§5.4',
    input(compressedObject('NBKP', 1, tree.length - 1, zstd(tree))),
  ),
  invalid(
    'FORMAT_INVALID',
    'an honest raw length and a frame that gives 1 MiB',
    '§5.4',
    input(
      compressedObject(
        'NBKP',
        1,
        16,
        frameOf(
          Array.from({ length: 8 }, () => ({ type: 'rle' as const, byte: 0, length: 131072 })),
          { contentSize: 16 },
        ),
      ),
    ),
  ),
  invalid(
    'FORMAT_INVALID',
    'a byte after the zstd frame',
    '§5.4',
    input(compressedObject('NBKP', 1, tree.length, append(zstd(tree), 0))),
  ),
  invalid('FORMAT_INVALID', 'a byte after the stored body', '§5.3', input(append(stored, 0))),
];

const structures = [
  bad('an unknown type', '§10.1', page({ type: 5, body: [] })),
  bad('type 0', '§10.1', page({ type: 0, body: [] })),
  bad('a sixth item', '§10.1', encode([1, 1, [], zeros(0), [owners, [root]], 0])),
  bad('blobs that are no whole rows', '§10.1', entriesPage([root], { blobs: rowA.slice(0, 39) })),
  bad('an id twice', '§10.1', entriesPage([root], { blobs: concat(rowA, rowA) })),
  bad('a child of 31 bytes', '§10.1', entriesPage([root], { children: [child.slice(1)] })),
  bad('a list with blobs', '§10.1', page({ type: 2, children: [child], body: [] })),
  bad('a list with a body', '§10.1', page({ type: 2, children: [child], blobs: zeros(0), body: [1] })),
  bad('a content page with children', '§10.1', page({ type: 3, children: [child], body: [[0]] })),
  refuses(
    'LIMIT_EXCEEDED',
    'a row with more plaintext than a blob may have',
    '§15',
    entriesPage([root], { blobs: row('blob a', 500, 16777217) }),
  ),
  refuses(
    'LIMIT_EXCEEDED',
    'a row with a frame longer than any',
    '§15',
    entriesPage([root], { blobs: row('blob a', 17825917, 1) }),
  ),
  bad('a row with a frame shorter than any', '§6.1', entriesPage([root], { blobs: row('blob a', 131, 1) })),
];

const entries = [
  bad('entries out of order', '§10.3', entriesPage([root, entry('b', { kind: 1 }), entry('a', { kind: 1 })])),
  bad('a path twice', '§10.3', entriesPage([root, motd, motd])),
  bad(
    'bytewise order, which is not path order',
    '§10.3',
    entriesPage([root, entry('dir', { kind: 1 }), entry('dir-', { kind: 3 }), entry('dir/a', { kind: 3 })]),
  ),
  refuses('PATH_UNSAFE', 'a path that climbs', '§10.3', withEntry(entry('../etc/passwd', { kind: 0 }))),
  refuses('PATH_UNSAFE', 'an absolute path', '§10.3', withEntry(entry('/etc/passwd', { kind: 0 }))),
  bad('an entry of 12 items', '§10.4', withEntry(motd.slice(0, 12))),
  bad('kind 7', '§10.4', withEntry(entry('x', { kind: 7 }))),
  bad('mode 010000', '§10.4', withEntry(withItem(motd, 2, 0o10000))),
  bad('an owner without a row', '§10.4', withEntry(withItem(motd, 3, 2))),
  bad('a negative size', '§10.4', withEntry(withItem(motd, 4, -1))),
  bad('a directory with a size', '§10.4', withEntry(withItem(entry('d', { kind: 1 }), 4, 4096))),
  bad('a directory with content', '§10.4', withEntry(entry('d', { kind: 1, content: [0] }))),
  bad('10⁹ nanoseconds', '§10.4', withEntry(withItem(motd, 6, 1_000_000_000))),
  bad('a piece without a row', '§10.5', withEntry(withItem(motd, 10, [2]))),
  bad('a slice without a row', '§10.5', withEntry(withItem(motd, 10, [[2, 0]]))),
  bad('a piece of three numbers', '§10.5', withEntry(withItem(motd, 10, [[0, 0, 0]]))),
  bad('a file without a digest', '§10.4', withEntry(withItem(motd, 11, zeros(0)))),
  bad('a directory with a digest', '§10.4', withEntry(withItem(entry('d', { kind: 1 }), 11, digestOf('d')))),
];

const extras = [
  bad('an unknown extra', '§10.4', withEntry(entry('f', { kind: 0, extra: [[9, 0]] }))),
  bad('a symlink without a target', '§10.4', withEntry(entry('l', { kind: 2 }))),
  bad('a symlink with an empty target', '§10.4', withEntry(entry('l', { kind: 2, extra: [[1, zeros(0)]] }))),
  bad(
    'a link target of 4097 bytes',
    '§10.4',
    withEntry(entry('l', { kind: 2, extra: [[1, ascii('a'.repeat(4097))]] })),
  ),
  bad('a file with a link target', '§10.4', withEntry(entry('f', { kind: 0, extra: [[1, ascii('x')]] }))),
  bad('a device without a number', '§10.4', withEntry(entry('d', { kind: 6 }))),
  bad('a fifo with a device number', '§10.4', withEntry(entry('p', { kind: 3, extra: [[2, [1, 3]]] }))),
  bad('a directory that is a hard link', '§10.4', withEntry(entry('d', { kind: 1, extra: [[3, 1]] }))),
  bad(
    'extended attributes out of order',
    '§10.4',
    withEntry(
      entry('f', {
        kind: 0,
        extra: [
          [
            4,
            [
              [ascii('b'), zeros(0)],
              [ascii('a'), zeros(0)],
            ],
          ],
        ],
      }),
    ),
  ),
  bad(
    'an extended attribute twice',
    '§10.4',
    withEntry(
      entry('f', {
        kind: 0,
        extra: [
          [
            4,
            [
              [ascii('a'), zeros(0)],
              [ascii('a'), zeros(0)],
            ],
          ],
        ],
      }),
    ),
  ),
  bad(
    'holes that touch',
    '§10.4',
    withEntry(
      entry('f', {
        kind: 0,
        size: 100,
        extra: [
          [
            5,
            [
              [0, 50],
              [50, 50],
            ],
          ],
        ],
      }),
    ),
  ),
  bad(
    'holes out of order',
    '§10.4',
    withEntry(
      entry('f', {
        kind: 0,
        size: 100,
        extra: [
          [
            5,
            [
              [60, 10],
              [0, 10],
            ],
          ],
        ],
      }),
    ),
  ),
  bad(
    'a hole beyond the end',
    '§10.4',
    withEntry(entry('f', { kind: 0, size: 100, extra: [[5, [[60, 41]]]] })),
  ),
  bad('a hole of no bytes', '§10.4', withEntry(entry('f', { kind: 0, size: 100, extra: [[5, [[0, 0]]]] }))),
  bad(
    'a database of five numbers',
    '§10.4',
    withEntry(entry('f', { kind: 0, extra: [[6, [4096, 1, 0, 0, 0]]] })),
  ),
  bad(
    'a database check of 4',
    '§10.4',
    withEntry(entry('f', { kind: 0, extra: [[6, [4096, 1, 0, 0, 0, 4]]] })),
  ),
  bad(
    'a content page that is no child',
    '§10.4',
    withEntry(entry('f', { kind: 0, size: 1, extra: [[7, [0]]] })),
  ),
  bad('an empty list of content pages', '§10.4', withEntry(entry('f', { kind: 0, extra: [[7, []]] }))),
  bad(
    'content both in the entry and in a content page',
    '§10.4',
    entriesPage([root, entry('f', { kind: 0, size: 1, content: [0], extra: [[7, [0]]] })], {
      children: [child],
    }),
  ),
  bad('flag 8', '§10.4', withEntry(entry('f', { kind: 0, extra: [[8, 8]] }))),
];

const sealedRaw = entriesPage([root, motd], { children: [] });
const sealing = blobOf(sealedRaw, 5, 4);
const publicRow = (bytes: Uint8Array): Uint8Array => bytes.slice(0, 36);
const sealedRow = (frame: Uint8Array): Uint8Array => concat(hash(frame), u32(frame.length));
const publicPage = (parts: Omit<PageParts, 'body'>, frame = sealing.frame): Uint8Array =>
  storedObject(
    'NBKP',
    page({ type: 4, blobs: concat(publicRow(rowA), publicRow(rowB)), ...parts, body: [sealedRow(frame)] }),
  );
const openInput = (object: Uint8Array, frame = sealing.frame): Values => ({
  ...secrets,
  ...input(object),
  frame,
});
const wrongKind = blobOf(sealedRaw, 6, 1).frame;

const sealed = group(
  'openSealedPage',
  valid('a public page and the page it stands for', '§10.7', openInput(publicPage({})), { raw: sealedRaw }),
  invalid(
    'REFERENCE_TAMPERED',
    'the public page has the rows in another order',
    '§10.7',
    openInput(publicPage({ blobs: concat(publicRow(rowB), publicRow(rowA)) })),
  ),
  invalid(
    'REFERENCE_TAMPERED',
    'the public page lacks a row',
    '§10.7',
    openInput(publicPage({ blobs: publicRow(rowA) })),
  ),
  invalid(
    'REFERENCE_TAMPERED',
    'the public page has another frame length',
    '§10.7',
    openInput(publicPage({ blobs: concat(publicRow(rowA), publicRow(row('blob b', 401, 300))) })),
  ),
  invalid(
    'REFERENCE_TAMPERED',
    'the public page has a child more',
    '§10.7',
    openInput(publicPage({ children: [child] })),
  ),
  invalid(
    'REFERENCE_TAMPERED',
    'the sealed page lies in a blob of kind data',
    '§10.7',
    openInput(publicPage({}, wrongKind), wrongKind),
  ),
);

export const pageFile: DraftFile = {
  name: 'page.json',
  spec: 'spec/format.md#10-pages',
  header: ['Reading pages under their names, and comparing public pages with the sealed pages behind them.'],
  groups: [
    group(
      'readPage',
      reads('entries of every kind with every extra', '§10.4', tree),
      valid(
        'the same page as a zstd frame',
        '§5.3',
        input(compressedObject('NBKP', 1, tree.length, zstd(tree))),
        { raw: tree },
      ),
      reads('a page that continues a root begins with any path', '§10.3', entriesPage([motd])),
      reads(
        'a list of two pages',
        '§10.1',
        page({ type: 2, children: [child, seeded('another page', 32)], blobs: zeros(0), body: [] }),
      ),
      reads('a content page', '§10.5', page({ type: 3, body: [[0, [1, 3], 0]] })),
      reads(
        'a public page',
        '§10.7',
        page({ type: 4, blobs: concat(publicRow(rowA), publicRow(rowB)), body: [sealedRow(sealing.frame)] }),
      ),
      reads('an inode of 2⁶⁴ − 1', '§5.1', withEntry(withItem(motd, 9, 18446744073709551615n))),
      reads('a time before 1970', '§10.4', withEntry(withItem(motd, 5, -1))),
      ...containers,
      ...structures,
      ...entries,
      ...extras,
    ),
    sealed,
  ],
};
