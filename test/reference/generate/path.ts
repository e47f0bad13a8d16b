/** Vectors of path.json. */
import { ascii, concat, unhex } from '../bytes.js';
import { type Draft, type DraftFile, group, invalid, valid, type Values } from './draft.js';

const FILE = 0;
const DIRECTORY = 1;
const SYMLINK = 2;
const bytesOf = (path: string | Uint8Array): Uint8Array => (typeof path === 'string' ? ascii(path) : path);
const safe = (comment: string, path: string | Uint8Array): Draft =>
  valid(comment, '§10.3', { path: bytesOf(path) });
const unsafe = (comment: string, path: string | Uint8Array): Draft =>
  invalid('PATH_UNSAFE', comment, '§10.3', { path: bytesOf(path) });
const order = (comment: string, a: string | Uint8Array, b: string | Uint8Array): Draft =>
  valid(comment, '§10.3', { a: bytesOf(a), b: bytesOf(b) });
const entries = (...rows: readonly (readonly [string, number])[]): Values => ({
  entries: rows.map(([path, kind]) => ({ path: ascii(path), kind })),
});
const wrongOrder = (comment: string, ...rows: readonly (readonly [string, number])[]): Draft =>
  invalid('FORMAT_INVALID', comment, '§10.3', entries(...rows));
/** `count` components of 255 bytes. */
const long = (count: number): string => Array.from({ length: count }, () => 'a'.repeat(255)).join('/');

export const pathFile: DraftFile = {
  name: 'path.json',
  spec: 'spec/format.md#10-pages',
  header: ['Paths inside a root as bytes, their order, and the order of the entries of a root.'],
  groups: [
    group(
      'checkPath',
      safe('the root', ''),
      safe('one component', 'a'),
      safe('names with dots that climb nowhere', '.../..a/a..'),
      safe('a newline, a backslash, a colon', 'a\nb/c\\d/e:f'),
      safe('bytes that are not UTF-8', unhex('ff2ffe')),
      safe('a component of 255 bytes', 'a'.repeat(255)),
      safe('4096 bytes', `${long(15)}/${'b'.repeat(254)}/c`),
      unsafe('an absolute path', '/etc'),
      unsafe('only a slash', '/'),
      unsafe('a slash at the end', 'etc/'),
      unsafe('two slashes', 'a//b'),
      unsafe('a dot', '.'),
      unsafe('a dot inside', 'a/./b'),
      unsafe('two dots', '..'),
      unsafe('two dots inside', 'a/../b'),
      unsafe('two dots at the end', 'a/..'),
      unsafe('a zero byte', concat(ascii('a'), Uint8Array.of(0), ascii('b'))),
      unsafe('a component of 256 bytes', 'a'.repeat(256)),
      unsafe('4097 bytes', `${long(16)}/c`.padEnd(4097, 'c')),
    ),
    group(
      'comparePaths',
      order('equal paths', 'a/b', 'a/b'),
      order('the root comes first', '', 'a'),
      order('a directory comes before what is below it', 'a', 'a/b'),
      order('what is below a directory comes before a longer name', 'a/b', 'a-b'),
      order('what is below a directory comes before a name with a space', 'a/z', 'a b'),
      order('bytes are unsigned', unhex('ff'), 'a'),
      order('upper case comes before lower case', 'B', 'a'),
      order('a prefix comes before the longer name', 'ab', 'abc'),
    ),
    group(
      'checkEntryOrder',
      valid('only the root', '§10.3', entries(['', DIRECTORY])),
      wrongOrder('a root that is a file', ['', FILE]),
      valid(
        'a tree in path order',
        '§10.3',
        entries(
          ['', DIRECTORY],
          ['a', DIRECTORY],
          ['a/b', DIRECTORY],
          ['a/b/c', FILE],
          ['a-', FILE],
          ['b', SYMLINK],
        ),
      ),
      wrongOrder('the root is missing', ['a', FILE]),
      wrongOrder('the root twice', ['', DIRECTORY], ['', DIRECTORY]),
      wrongOrder(
        'bytewise order instead of path order',
        ['', DIRECTORY],
        ['a', DIRECTORY],
        ['a-', FILE],
        ['a/b', FILE],
      ),
      wrongOrder('a file twice', ['', DIRECTORY], ['a', FILE], ['a', FILE]),
      wrongOrder('a parent is missing', ['', DIRECTORY], ['a/b', FILE]),
      wrongOrder('a parent that is a symbolic link', ['', DIRECTORY], ['a', SYMLINK], ['a/b', FILE]),
      wrongOrder('something below a root that is a file', ['', FILE], ['a', FILE]),
      invalid('PATH_UNSAFE', 'a path that climbs', '§10.3', entries(['', DIRECTORY], ['..', DIRECTORY])),
    ),
  ],
};
