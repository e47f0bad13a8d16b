/** Large files written past the page cache: every byte where it belongs, and told where it could not be. */

import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { DirectWriter } from '#nbak/restore/direct-writer.js';
import { StagedFile } from '#nbak/restore/staged-file.js';
import { AlignedMemory, STEP_BYTES } from '#nbak/storage/aligned-memory.js';
import { randomLike } from '../support/tree.js';

const SIZE = 5_000_000;
const PIECES = 40;

interface Opened {
  readonly path: string;
  readonly descriptor: number;
  readonly direct: number;
}

function openFile(): Opened {
  const directory = mkdtempSync(join(tmpdir(), 'nbak-test-direct-'));
  const staged = new StagedFile(join(directory, 'file'));
  staged.openDirect(SIZE);
  onTestFinished(() => {
    staged.close();
    rmSync(directory, { recursive: true });
  });
  // Where this file system has no O_DIRECT the ordinary way is what is tested.
  return { path: staged.path, descriptor: staged.descriptor, direct: staged.direct ?? staged.descriptor };
}

function openToRead(path: string): number {
  const descriptor = openSync(path, constants.O_RDONLY);
  onTestFinished(() => closeSync(descriptor));
  return descriptor;
}

/** Pieces of uneven lengths that make up `bytes`. */
function cut(bytes: Buffer): { readonly offset: number; readonly bytes: Buffer }[] {
  const ends = Array.from({ length: PIECES }, (_, i) => Math.floor((SIZE * ((i + 1) / PIECES) ** 2) / 3) * 3);
  ends[PIECES - 1] = SIZE;
  return ends.map((end, i) => ({ offset: ends[i - 1] ?? 0, bytes: bytes.subarray(ends[i - 1] ?? 0, end) }));
}

it('pieces in any order, by several jobs at once, come together as the file', async () => {
  const file = openFile();
  const bytes = randomLike(SIZE, 7);
  const memory = new AlignedMemory();
  const writers = Array.from({ length: 3 }, () => new DirectWriter(memory));
  for (const [piece, { offset, bytes: part }] of cut(bytes).entries()) {
    // Five neighbours go to each in turn; every seventh comes out of order. So there are long stretches and short ones.
    const writer = writers[Math.floor(piece / 5) % 3];
    if (piece % 7 !== 3) writer?.write(file, { piece, offset }, part);
  }
  for (const [piece, { offset, bytes: part }] of cut(bytes).entries())
    if (piece % 7 === 3) writers[0]?.write(file, { piece, offset }, part);
  for (const writer of writers) expect(await writer.finish()).toEqual([]);
  expect(readFileSync(file.path).equals(bytes)).toBe(true);
});

it('what cannot be written past the page cache goes through it', async () => {
  const { path, descriptor } = openFile();
  const bytes = randomLike(SIZE, 8);
  const writer = new DirectWriter(new AlignedMemory());
  for (const [piece, { offset, bytes: part }] of cut(bytes).entries())
    writer.write({ descriptor, direct: openToRead(path) }, { piece, offset }, part);
  expect(await writer.finish()).toEqual([]);
  expect(readFileSync(path).equals(bytes)).toBe(true);
});

it('pieces of which a byte could not be written are told, and no others', async () => {
  const file = openFile();
  const { path } = openFile();
  const [descriptor, direct] = [openToRead(path), openToRead(path)];
  const writer = new DirectWriter(new AlignedMemory());
  const part = randomLike(1_500_000, 9);
  writer.write(file, { piece: 0, offset: 0 }, part);
  writer.write({ descriptor, direct }, { piece: 1, offset: 0 }, part);
  writer.write({ descriptor, direct }, { piece: 2, offset: 1_500_000 }, part);
  writer.write(file, { piece: 3, offset: 1_500_000 }, part);
  expect(new Set(await writer.finish())).toEqual(new Set([1, 2]));
  expect(
    readFileSync(file.path)
      .subarray(0, 3_000_000)
      .equals(Buffer.concat([part, part])),
  ).toBe(true);
});

it('however much is written before the disk has done anything, memory for it is bounded', async () => {
  const file = openFile();
  const memory = new AlignedMemory();
  const writer = new DirectWriter(memory);
  const bytes = randomLike(64 * STEP_BYTES, 10);
  let most = 0;
  for (let piece = 0; piece < 64; piece += 1) {
    const offset = piece * STEP_BYTES;
    writer.write(file, { piece, offset }, bytes.subarray(offset, offset + STEP_BYTES));
    most = Math.max(most, memory.taken);
  }
  expect(await writer.finish()).toEqual([]);
  expect(most).toBeLessThanOrEqual(10);
  expect(memory.taken).toBe(0);
  expect(readFileSync(file.path).equals(bytes)).toBe(true);
});

it.each(['a file', 'a link to a file'])(
  'what is put in the place of a staged file, be it %s, is not written past the page cache',
  async (kind) => {
    const directory = mkdtempSync(join(tmpdir(), 'nbak-test-direct-'));
    const [path, moved, other] = ['file', 'moved', 'other'].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    const staged = new StagedFile(path);
    onTestFinished(() => {
      staged.close();
      rmSync(directory, { recursive: true });
    });
    renameSync(path, moved);
    writeFileSync(other, 'what is there');
    if (kind === 'a file') renameSync(other, path);
    else symlinkSync(other, path);
    staged.openDirect(SIZE);
    const { descriptor, direct = descriptor } = staged;
    const bytes = randomLike(SIZE, 11);
    const writer = new DirectWriter(new AlignedMemory());
    writer.write({ descriptor, direct }, { piece: 0, offset: 0 }, bytes);
    expect(await writer.finish()).toEqual([]);
    expect(readFileSync(path, 'utf8')).toBe('what is there');
    expect(readFileSync(moved).equals(bytes)).toBe(true);
  },
);
