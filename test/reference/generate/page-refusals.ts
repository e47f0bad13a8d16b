/** Vectors of page.json: raw pages that break one rule each. */
import { ascii, concat, zeros } from '../bytes.js';
import { encode } from '../cbor.js';
import { storedObject } from '../compressed-object.js';
import { hash } from '../schedule.js';
import { type Draft, invalid, valid, type Values } from './draft.js';
import { withItem } from './verbs.js';
import {
  child,
  digestOf,
  entriesPage,
  entry,
  motd,
  owners,
  page,
  root,
  row,
  rowA,
  withEntry,
} from './pages.js';

export const input = (object: Uint8Array): Values => ({ object, name: hash(object) });
export const reads = (comment: string, clause: string, raw: Uint8Array): Draft =>
  valid(comment, clause, input(storedObject('NBKP', raw)), { raw });
export const refuses = (
  error: Draft['error'] & string,
  comment: string,
  clause: string,
  raw: Uint8Array,
): Draft => invalid(error, comment, clause, input(storedObject('NBKP', raw)));
export const bad = (comment: string, clause: string, raw: Uint8Array): Draft =>
  refuses('FORMAT_INVALID', comment, clause, raw);

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
  bad('a root that is a file', '§10.3', entriesPage([entry('', { kind: 0 })])),
  bad(
    'something below a link',
    '§10.3',
    entriesPage([root, entry('l', { kind: 2, extra: [[1, ascii('/')]] }), entry('l/x', { kind: 3 })]),
  ),
  bad(
    'a parent that is on no page before',
    '§10.3',
    entriesPage([entry('a/b/c', { kind: 3 }), entry('d/e', { kind: 3 })]),
  ),
  bad('an owner beyond 32 bits', '§10.4', page({ body: [[[2 ** 32, '', 0, '']], [root]] })),
  bad('dedup secret 0', '§10.1', encode([1, 0, [], zeros(0), [owners, [root]]])),
  bad('a size beyond 2⁵³', '§5.1', withEntry(withItem(motd, 4, 2n ** 53n))),
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
  bad(
    'a zero byte in a link target',
    '§10.4',
    withEntry(entry('l', { kind: 2, extra: [[1, concat(ascii('a'), zeros(1))]] })),
  ),
  bad('flags that say nothing', '§10.4', withEntry(entry('f', { kind: 0, extra: [[8, 0]] }))),
  bad(
    'a database with pages of 65537 bytes',
    '§10.4',
    withEntry(entry('f', { kind: 0, extra: [[6, [65537, 1, 0, 0, 0, 0]]] })),
  ),
  bad('flag 8', '§10.4', withEntry(entry('f', { kind: 0, extra: [[8, 8]] }))),
];

export const refusedPages: readonly Draft[] = [...structures, ...entries, ...extras];
