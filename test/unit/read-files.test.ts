/** What a sealing thread says of the files that it read. */

import { expect, it } from 'vitest';
import { packFiles, unpackFile, type ReadFile } from '#nbak/backup/sealing/read-files.js';
import { utf8 } from '#nbak/format/bytes.js';

const READ: ReadFile = {
  state: 'read',
  size: 2 ** 40 + 1,
  digest: new Uint8Array(32).fill(7),
  torn: true,
  dropped: 12,
  chunk: 3,
  slice: 41,
  mtime: { seconds: -1, nanoseconds: 999_999_999 },
  ctime: { seconds: 1_763_700_000, nanoseconds: 1 },
  xattrs: [[utf8('user.note'), utf8('late')]],
};

it('every state of a file arrives as it was sent, whatever lies beside it', () => {
  const files: readonly ReadFile[] = [
    { state: 'unreadable', message: 'Permission denied' },
    READ,
    { state: 'gone' },
    {
      ...READ,
      digest: new Uint8Array(32).fill(9),
      torn: false,
      dropped: 0,
      chunk: -1,
      slice: -1,
      xattrs: [],
    },
    { state: 'outgrown' },
  ];
  const sent = structuredClone(packFiles(files));
  expect(files.map((_, i) => unpackFile(sent, i))).toEqual(files);
});

it('a file that nothing was said of is a mistake of ours, not one that is gone', () => {
  expect(() => unpackFile(packFiles([READ]), 1)).toThrow(RangeError);
});
