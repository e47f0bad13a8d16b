/** Vectors of page.json. */
import { ascii, concat, u32, zeros } from '../bytes.js';
import { encode } from '../cbor.js';
import { compressedObject, storedObject } from '../compressed-object.js';
import { hash } from '../schedule.js';
import { seeded } from '../seeded.js';
import { frameOf, frameWithRuns } from '../zstd.js';
import { type DraftFile, group, invalid, valid, type Values } from './draft.js';
import { input, reads, refusedPages } from './page-refusals.js';
import { append, flip, patch, withItem } from './verbs.js';
import {
  child,
  entriesPage,
  entry,
  motd,
  page,
  type PageParts,
  root,
  row,
  rowA,
  rowB,
  withEntry,
} from './pages.js';
import { blobOf, secrets } from './world.js';

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
            [ascii('user.c'), zeros(100)],
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

const zstd = frameWithRuns;
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
        64,
        frameOf(
          Array.from({ length: 8 }, () => ({ type: 'rle' as const, byte: 0, length: 131072 })),
          { contentSize: 64 },
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
  invalid(
    'FORMAT_INVALID',
    'a zstd frame that is not shorter than the raw bytes',
    '§5.3',
    input(
      compressedObject(
        'NBKP',
        1,
        tree.length,
        frameOf([{ type: 'raw', bytes: tree }], { contentSize: tree.length }),
      ),
    ),
  ),
  invalid('FORMAT_INVALID', 'a byte after the stored body', '§5.3', input(append(stored, 0))),
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
const sealedList = blobOf(page({ type: 2, blobs: zeros(0), body: [] }), 7, 4).frame;

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
    'the public page states another dedup secret',
    '§10.7',
    openInput(
      storedObject(
        'NBKP',
        encode([4, 2, [], concat(publicRow(rowA), publicRow(rowB)), [sealedRow(sealing.frame)]]),
      ),
    ),
  ),
  invalid(
    'REFERENCE_TAMPERED',
    'what is sealed is a list',
    '§10.7',
    openInput(publicPage({ blobs: zeros(0) }, sealedList), sealedList),
  ),
  invalid(
    'OBJECT_CORRUPT',
    'a flipped bit in the frame',
    '§6.7',
    openInput(publicPage({}), flip(sealing.frame, 200)),
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
      reads('a directory and a file', '§10.1', withEntry(motd)),
      reads('entries of every kind with every extra', '§10.4', tree),
      valid(
        'the same page as a zstd frame',
        '§5.3',
        input(compressedObject('NBKP', 1, tree.length, zstd(tree))),
        { raw: tree },
      ),
      reads('a page that continues a root begins with any path', '§10.3', entriesPage([motd])),
      reads(
        'a page that continues a root relies on the directories above its first entry',
        '§10.3',
        entriesPage([entry('a/b/c', { kind: 3 }), entry('a/d', { kind: 3 }), entry('e', { kind: 3 })]),
      ),
      reads(
        'rows and children that no entry uses, one child twice',
        '§10.1',
        entriesPage([root], { children: [child, child] }),
      ),
      reads('a list of nothing', '§10.1', page({ type: 2, blobs: zeros(0), body: [] })),
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
      ...refusedPages,
    ),
    sealed,
  ],
};
