/** zstd frames (spec §5.4): header checks for reading, hand-made raw and RLE blocks for writing (RFC 8878). */
import { decompress } from 'zstd-napi';
import { byteAt, concat, u8 } from './bytes.js';
import { demand, fail } from './fail.js';
import { LIMITS } from './limits.js';

const MAGIC = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd);

function littleEndian(value: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** i) % 256);
}

function readLittleEndian(bytes: Uint8Array, offset: number, size: number): number {
  demand(offset + size <= bytes.length, 'FORMAT_INVALID', '§5.4', 'the zstd frame ends too early');
  let value = 0;
  for (let i = size - 1; i >= 0; i -= 1) value = value * 256 + byteAt(bytes, offset + i);
  return value;
}

/** One block of a hand-made frame. `declared` overrides the size in the block header (to lie). */
export type Block =
  | { readonly type: 'raw'; readonly bytes: Uint8Array; readonly declared?: number }
  | { readonly type: 'rle'; readonly byte: number; readonly length: number };

function blockBytes(block: Block, last: boolean): Uint8Array {
  const raw = block.type === 'raw';
  const size = raw ? (block.declared ?? block.bytes.length) : block.length;
  const header = littleEndian(size * 8 + (raw ? 0 : 2) + (last ? 1 : 0), 3);
  return concat(header, raw ? block.bytes : u8(block.byte));
}

/** How the header of a hand-made frame differs from the plain single-segment one. */
export interface FrameShape {
  /** Frame content size; `null` leaves the field out. Default: 4 bytes with the true size. */
  readonly contentSize: number | null;
  /** Window descriptor byte; given, the frame is not single-segment. */
  readonly window?: number;
  /** Dictionary id of one byte. */
  readonly dictionary?: number;
}

/** A frame of `blocks`, single-segment unless `shape` says otherwise, without checksum. */
export function frameOf(blocks: readonly Block[], shape: FrameShape): Uint8Array {
  const single = shape.window === undefined;
  const sizeFlag = shape.contentSize === null ? 0 : 0x80;
  const descriptor = sizeFlag | (single ? 0x20 : 0) | (shape.dictionary === undefined ? 0 : 1);
  return concat(
    MAGIC,
    u8(descriptor),
    shape.window === undefined ? new Uint8Array() : u8(shape.window),
    shape.dictionary === undefined ? new Uint8Array() : u8(shape.dictionary),
    shape.contentSize === null ? new Uint8Array() : littleEndian(shape.contentSize, 4),
    ...blocks.map((block, i) => blockBytes(block, i === blocks.length - 1)),
  );
}

/** A frame of `bytes` in which runs of 16 or more equal bytes are RLE blocks. */
export function frameWithRuns(bytes: Uint8Array): Uint8Array {
  const blocks: Block[] = [];
  let rawStart = 0;
  const endRaw = (end: number): void => {
    if (end > rawStart) blocks.push({ type: 'raw', bytes: bytes.subarray(rawStart, end) });
  };
  for (let at = 0; at < bytes.length;) {
    const byte = byteAt(bytes, at);
    let end = at + 1;
    while (end < bytes.length && bytes[end] === byte) end += 1;
    if (end - at >= 16) {
      endRaw(at);
      blocks.push({ type: 'rle', byte, length: end - at });
      rawStart = end;
    }
    at = end;
  }
  endRaw(bytes.length);
  return frameOf(blocks, { contentSize: bytes.length });
}

interface Header {
  readonly contentSize: number;
  readonly window: number;
  readonly checksum: boolean;
  readonly blocksAt: number;
}

function readHeader(body: Uint8Array): Header {
  demand(
    body.length >= 5 && MAGIC.every((byte, i) => body[i] === byte),
    'FORMAT_INVALID',
    '§5.4',
    'no zstd frame',
  );
  const descriptor = byteAt(body, 4);
  const single = (descriptor & 0x20) !== 0;
  demand((descriptor & 0x08) === 0, 'FORMAT_INVALID', '§5.4', 'reserved bit set');
  demand((descriptor & 3) === 0, 'FORMAT_INVALID', '§5.4', 'a dictionary id');
  const flag = descriptor >> 6;
  demand(flag !== 0 || single, 'FORMAT_INVALID', '§5.4', 'no frame content size');
  let at = 5;
  let window = 0;
  if (!single) {
    const byte = readLittleEndian(body, at, 1);
    const base = 2 ** (10 + (byte >> 3));
    window = base + (base / 8) * (byte & 7);
    at += 1;
  }
  const size = flag === 0 ? 1 : 2 ** flag;
  const contentSize = readLittleEndian(body, at, size) + (size === 2 ? 256 : 0);
  return {
    contentSize,
    window: single ? contentSize : window,
    checksum: (descriptor & 4) !== 0,
    blocksAt: at + size,
  };
}

/** Walks the block headers; gives the offset behind the last block. */
function skipBlocks(body: Uint8Array, start: number): number {
  let at = start;
  for (;;) {
    const header = readLittleEndian(body, at, 3);
    const type = (header >> 1) & 3;
    demand(type !== 3, 'FORMAT_INVALID', '§5.4', 'reserved block type');
    at += 3 + (type === 1 ? 1 : header >> 3);
    demand(at <= body.length, 'FORMAT_INVALID', '§5.4', 'a block ends beyond the body');
    if ((header & 1) === 1) return at;
  }
}

/** Decompresses a body that must be exactly one frame of `rawLength` bytes. */
export function unzstd(body: Uint8Array, rawLength: number): Uint8Array {
  const header = readHeader(body);
  demand(
    header.contentSize === rawLength,
    'FORMAT_INVALID',
    '§5.4',
    'content size is not the declared length',
  );
  demand(header.window <= LIMITS.zstdWindowBytes, 'LIMIT_EXCEEDED', '§5.4', 'window too large');
  const end = skipBlocks(body, header.blocksAt) + (header.checksum ? 4 : 0);
  demand(end === body.length, 'FORMAT_INVALID', '§5.4', 'the frame does not end with the body');
  let plain: Uint8Array;
  try {
    plain = Uint8Array.from(decompress(body));
  } catch {
    return fail('FORMAT_INVALID', '§5.4', 'the zstd frame does not decompress');
  }
  demand(plain.length === rawLength, 'FORMAT_INVALID', '§5.4', 'decompressed to another length');
  return plain;
}
