/** Large files put together in memory and written past the page cache: every byte where it belongs, or told. */

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
import { StagedFile } from '#nbak/restore/staged-file.js';
import { WindowMemory, type LargeFile } from '#nbak/restore/window-memory.js';
import { randomLike } from '../support/tree.js';

const SIZE = 3_000_000;
const MEMORY = 8 * 1024 * 1024;

function directoryForTest(): string {
  const directory = mkdtempSync(join(tmpdir(), 'nbak-test-window-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

function stage(name = 'file'): StagedFile {
  const staged = new StagedFile(join(directoryForTest(), name));
  onTestFinished(() => staged.close());
  staged.openDirect(SIZE);
  return staged;
}

/** A file that can only be read, whatever is tried. */
function openUnwritable(): LargeFile {
  const { path } = stage();
  const open = (): number => {
    const descriptor = openSync(path, constants.O_RDONLY);
    onTestFinished(() => closeSync(descriptor));
    return descriptor;
  };
  return { descriptor: open(), direct: open() };
}

interface Piece {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Does what a thread does: puts a piece of `file` where it belongs. False where there is no room. */
function tryPut(memory: WindowMemory, file: LargeFile, { offset, bytes }: Piece): boolean {
  const parts = memory.place(file, [{ offset, start: 0, end: bytes.length }]);
  for (const part of parts ?? []) memory.bytes.set(bytes.subarray(part.start, part.end), part.offset);
  return parts !== undefined;
}

function put(memory: WindowMemory, file: LargeFile, piece: Piece): void {
  if (!tryPut(memory, file, piece)) throw new Error('no room');
}

it('a file of any size comes together of pieces of any length, over as many windows as it takes', async () => {
  const file = stage();
  const bytes = randomLike(SIZE, 7);
  const memory = new WindowMemory(1024 * 1024);
  let windows = 1;
  for (let offset = 0, length = 1; offset < SIZE; offset += length, length = (length * 7) % 190_003) {
    const piece = bytes.subarray(offset, offset + length);
    if (tryPut(memory, file, { offset, bytes: piece })) continue;
    expect(await memory.write()).toEqual(new Set());
    windows += 1;
    expect(tryPut(memory, file, { offset, bytes: piece })).toBe(true);
  }
  expect(await memory.write()).toEqual(new Set());
  expect(readFileSync(file.path).equals(bytes)).toBe(true);
  expect(windows).toBeGreaterThan(3);
});

it('several files and both sides of a hole come together in one memory', async () => {
  const files = [stage('a'), stage('b')] as const;
  const memory = new WindowMemory(MEMORY);
  const data = randomLike(700_000, 8);
  const parts = [
    { offset: 5, start: 0, end: 300_000 },
    { offset: 1_000_001, start: 300_000, end: 700_000 },
  ];
  for (const file of files)
    for (const part of memory.place(file, parts) ?? [])
      memory.bytes.set(data.subarray(part.start, part.end), part.offset);
  expect(await memory.write()).toEqual(new Set());
  const expected = Buffer.alloc(SIZE);
  expected.set(data.subarray(0, 300_000), 5);
  expected.set(data.subarray(300_000), 1_000_001);
  for (const { path } of files) expect(readFileSync(path).equals(expected)).toBe(true);
});

it('a file that cannot be written is told, and no other', async () => {
  const [good, bad] = [stage(), openUnwritable()];
  const memory = new WindowMemory(MEMORY);
  const data = randomLike(SIZE / 2, 9);
  put(memory, good, { offset: 0, bytes: data });
  put(memory, bad, { offset: 0, bytes: data });
  expect(await memory.write()).toEqual(new Set([bad]));
  expect(readFileSync(good.path).subarray(0, data.length).equals(data)).toBe(true);
});

it('what cannot be written past the page cache goes through it', async () => {
  const { path, descriptor } = stage();
  const { direct } = openUnwritable();
  const memory = new WindowMemory(MEMORY);
  const bytes = randomLike(SIZE, 10);
  put(memory, { descriptor, direct }, { offset: 0, bytes });
  expect(await memory.write()).toEqual(new Set());
  expect(readFileSync(path).equals(bytes)).toBe(true);
});

it('a piece that finds no room is refused and leaves the others as they are', async () => {
  const file = stage();
  const memory = new WindowMemory(1024 * 1024);
  const bytes = randomLike(SIZE, 11);
  put(memory, file, { offset: 0, bytes: bytes.subarray(0, 500_000) });
  expect(memory.place(file, [{ offset: 500_000, start: 0, end: 1_000_000 }])).toBeUndefined();
  put(memory, file, { offset: 500_000, bytes: bytes.subarray(500_000, 600_000) });
  expect(await memory.write()).toEqual(new Set());
  expect(readFileSync(file.path).subarray(0, 600_000).equals(bytes.subarray(0, 600_000))).toBe(true);
});

it.each(['a file', 'a link to a file'])(
  'what is put in the place of a staged file, be it %s, is not written past the page cache',
  async (kind) => {
    const directory = directoryForTest();
    const [path, moved, other] = [
      join(directory, 'file'),
      join(directory, 'moved'),
      join(directory, 'other'),
    ];
    const staged = new StagedFile(path);
    onTestFinished(() => staged.close());
    renameSync(path, moved);
    writeFileSync(other, 'what is there');
    if (kind === 'a file') renameSync(other, path);
    else symlinkSync(other, path);
    staged.openDirect(SIZE);
    const bytes = randomLike(SIZE, 12);
    const memory = new WindowMemory(MEMORY);
    put(memory, staged, { offset: 0, bytes });
    expect(await memory.write()).toEqual(new Set());
    expect(readFileSync(path, 'utf8')).toBe('what is there');
    expect(readFileSync(moved).equals(bytes)).toBe(true);
  },
);
