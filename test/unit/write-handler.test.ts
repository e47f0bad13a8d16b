/** What a thread of a restore does with frames: right pieces where they belong, and nothing else anywhere. */

import {
  closeSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { nodeCrypto as crypto } from '#nbak/crypto/node.js';
import { BLOB_KINDS, type BlobKind } from '#nbak/format/blob.js';
import { encodeBundle } from '#nbak/format/bundle.js';
import { toHex, utf8 } from '#nbak/format/bytes.js';
import type { RepositoryId } from '#nbak/format/ids.js';
import { pathFromText } from '#nbak/format/path.js';
import { BlobSealer, MOST_FRAME_OVERHEAD, type BlobSecrets } from '#nbak/repository/blob-crypto.js';
import { writeHandler } from '#nbak/restore/write-handler.js';
import type { FrameOrder, NewFile, PieceOrder, WriteAnswer } from '#nbak/restore/write-job.js';

const SECRETS: BlobSecrets = {
  repository: '00112233445566778899aabbccddeeff' as RepositoryId,
  epoch: 1,
  root: new Uint8Array(32).fill(1),
  dedup: [{ number: 1, secret: new Uint8Array(32).fill(2) }],
};
const OWN = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nbak-test-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const sealer = new BlobSealer(crypto, SECRETS, { session: new Uint8Array(16), lane: 0 });

function seal(kind: BlobKind, plaintext: Uint8Array): Uint8Array {
  const target = new Uint8Array(plaintext.length + MOST_FRAME_OVERHEAD);
  return sealer.seal(kind, plaintext, sealer.tagOf(crypto.sha256(plaintext)), target);
}

function orderOf(frame: Uint8Array, ...pieces: readonly PieceOrder[]): FrameOrder {
  return { offset: 0, length: frame.length, dedup: 1, pieces };
}

function newFile(name: string): NewFile {
  const path = pathFromText(join(directory, name));
  return { path, attributes: { mode: 0o640, time: 1000.5, owner: OWN } };
}

/** A piece that is a whole blob. */
function wholeOf(plaintext: Uint8Array, into: PieceOrder['into']): PieceOrder {
  return { slice: undefined, plaintextLength: plaintext.length, length: plaintext.length, into };
}

/** Does the frames' orders through a pack file, each frame as a run of its own. */
function write(
  ...work: readonly { readonly frame: Uint8Array; readonly order: FrameOrder; readonly memory?: Uint8Array }[]
): WriteAnswer {
  const pack = join(directory, 'pack');
  writeFileSync(pack, Buffer.concat(work.map(({ frame }) => frame)));
  const descriptor = openSync(pack, 'r');
  let offset = 0;
  const runs = work.map(({ frame, order }) => {
    const run = { from: { descriptor, offset }, length: order.length, frames: [order] };
    offset += frame.length;
    return run;
  });
  try {
    return writeHandler(SECRETS)({ runs, memory: work[0]?.memory });
  } finally {
    closeSync(descriptor);
  }
}

it('makes a file of a blob and one of a slice, with their attributes, and answers with their hashes', () => {
  const data = utf8('data '.repeat(1000));
  const [first, second] = [utf8('first'), utf8('second')];
  const bundle = encodeBundle([first, second]);
  const frames = [seal(BLOB_KINDS.data, data), seal(BLOB_KINDS.bundle, bundle)] as const;
  const slice = { slice: 1, plaintextLength: bundle.length, length: 6, into: newFile('b') };
  const { hashes, failed } = write(
    { frame: frames[0], order: orderOf(frames[0], wholeOf(data, newFile('a'))) },
    { frame: frames[1], order: orderOf(frames[1], slice) },
  );
  expect(failed).toEqual([]);
  expect(readFileSync(join(directory, 'a'))).toEqual(Buffer.from(data));
  expect(readFileSync(join(directory, 'b'), 'utf8')).toBe('second');
  expect(toHex(hashes)).toBe(toHex(crypto.sha256(data)) + toHex(crypto.sha256(second)));
  const { mode, mtimeMs } = lstatSync(join(directory, 'b'));
  expect([mode & 0o7777, mtimeMs]).toEqual([0o640, 1_000_500]);
});

it('writes the parts of one blob to their places in several open files', () => {
  const data = utf8('0123456789');
  const frame = seal(BLOB_KINDS.data, data);
  const descriptors = ['a', 'b'].map((name) => openSync(join(directory, name), 'w'));
  const [a = -1, b = -1] = descriptors;
  const parts = [
    { offset: 0, start: 0, end: 4 },
    { offset: 6, start: 4, end: 10 },
  ];
  const order = orderOf(
    frame,
    wholeOf(data, { descriptor: a, parts }),
    wholeOf(data, { descriptor: b, parts: [{ offset: 1, start: 0, end: 10 }] }),
  );
  expect(write({ frame, order }).failed).toEqual([]);
  for (const descriptor of descriptors) closeSync(descriptor);
  expect(readFileSync(join(directory, 'a'), 'latin1')).toBe('0123\0\0' + '456789');
  expect(readFileSync(join(directory, 'b'), 'latin1')).toBe('\0' + '0123456789');
});

it('puts the parts of a piece to their places in the memory of its window', () => {
  const data = utf8('0123456789');
  const frame = seal(BLOB_KINDS.data, data);
  const inMemory = [
    { offset: 3, start: 0, end: 4 },
    { offset: 10, start: 4, end: 10 },
  ];
  const memory = new Uint8Array(new SharedArrayBuffer(20)).fill(0x2e);
  const answer = write({ frame, order: orderOf(frame, wholeOf(data, { inMemory })), memory });
  expect(answer.failed).toEqual([]);
  expect(Buffer.from(memory).toString('latin1')).toBe('...0123...456789....');
});

it('with one damaged frame fails its pieces alone, and makes no file of them', () => {
  const [bad, good] = [utf8('bad'), utf8('good')];
  const frames = [seal(BLOB_KINDS.data, bad), seal(BLOB_KINDS.data, good)] as const;
  const orders = [
    orderOf(frames[0], wholeOf(bad, newFile('bad'))),
    orderOf(frames[1], wholeOf(good, newFile('good'))),
  ] as const;
  frames[0][frames[0].length - 1] = (frames[0].at(-1) ?? 0) ^ 1;
  const { failed } = write({ frame: frames[0], order: orders[0] }, { frame: frames[1], order: orders[1] });
  expect(failed).toEqual([0]);
  expect(() => lstatSync(join(directory, 'bad'))).toThrow('ENOENT');
  expect(readFileSync(join(directory, 'good'), 'utf8')).toBe('good');
});

const data = utf8('content');
const bundle = encodeBundle([utf8('one'), utf8('two')]);
it.each<[string, BlobKind, Uint8Array, Partial<PieceOrder>]>([
  ['a length that the signed page does not say', BLOB_KINDS.data, data, { plaintextLength: 8 }],
  ['a slice of what is no bundle', BLOB_KINDS.data, data, { slice: 0 }],
  ['a whole bundle', BLOB_KINDS.bundle, bundle, {}],
  ['a slice that the bundle does not have', BLOB_KINDS.bundle, bundle, { slice: 2, length: 3 }],
  ['a slice of another length', BLOB_KINDS.bundle, bundle, { slice: 0, length: 4 }],
  ['a blob that holds no file', BLOB_KINDS.sealedPage, data, {}],
])('refuses %s', (_, kind, plaintext, wrong) => {
  const frame = seal(kind, plaintext);
  const order = orderOf(frame, { ...wholeOf(plaintext, newFile('a')), ...wrong });
  expect(write({ frame, order }).failed).toEqual([0]);
  expect(() => lstatSync(join(directory, 'a'))).toThrow('ENOENT');
});

it('writes through no link that stands where its file should be', () => {
  writeFileSync(join(directory, 'outside'), 'untouched');
  symlinkSync('outside', join(directory, 'a'));
  const frame = seal(BLOB_KINDS.data, data);
  expect(write({ frame, order: orderOf(frame, wholeOf(data, newFile('a'))) }).failed).toEqual([0]);
  expect(readFileSync(join(directory, 'outside'), 'utf8')).toBe('untouched');
});

it('fails the pieces of a pack that ends too soon', () => {
  const frame = seal(BLOB_KINDS.data, data);
  const order = orderOf(frame, wholeOf(data, newFile('a')));
  expect(write({ frame: frame.subarray(0, frame.length - 1), order }).failed).toEqual([0]);
});
