/** What one zstd frame declares, read from its headers before anything is decompressed (§5.4, RFC 8878 §3.1.1). */

import type { NbakError } from '../errors.js';
import { invalidField, limitExceeded } from './shape.js';
import { LIMITS } from './limits.js';

const MAGIC = 0x28b52ffd;
const DESCRIPTOR_AT = 4;
const BLOCK_RLE = 1;
const BLOCK_RESERVED = 3;

/**
 * Checks that `body` is exactly one zstd frame that declares `rawLength` bytes, without dictionary, with a
 * window within §15, and that its blocks end where the body ends.
 *
 * @throws NbakError `FORMAT_INVALID` or `LIMIT_EXCEEDED`.
 */
export function assertZstdFrame(body: Uint8Array, rawLength: number, structure: string): void {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const broken = (why: string): NbakError => invalidField(structure, 'its zstd frame', why);
  if (body.length < 6 || view.getUint32(0) !== MAGIC) throw broken('a zstd frame');
  const descriptor = view.getUint8(DESCRIPTOR_AT);
  const { isSingleSegment, sizeBytes, headerBytes } = frameShape(descriptor);
  if ((descriptor & 0x08) !== 0) throw broken('without reserved bits');
  if ((descriptor & 0x03) !== 0) throw broken('without a dictionary');
  if (sizeBytes === 0) throw broken('one that declares its content size');

  if (headerBytes > body.length) throw broken('complete');
  const declared = readLittleEndian(body, headerBytes - sizeBytes, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
  if (declared !== rawLength) throw broken(`one of ${rawLength} bytes, it declares ${declared}`);
  const window = isSingleSegment ? declared : windowBytes(view.getUint8(DESCRIPTOR_AT + 1));
  if (window > LIMITS.zstdWindowBytes) {
    throw limitExceeded(structure, 'zstdWindowBytes', window, LIMITS.zstdWindowBytes);
  }

  let offset = headerBytes;
  for (let last = false; !last;) {
    if (offset + 3 > body.length) throw broken('complete');
    const header = readLittleEndian(body, offset, 3);
    last = (header & 1) === 1;
    const type = (header >> 1) & 3;
    if (type === BLOCK_RESERVED) throw broken('without reserved blocks');
    offset += 3 + (type === BLOCK_RLE ? 1 : header >> 3);
  }
  if ((descriptor & 0x04) !== 0) offset += 4;
  if (offset !== body.length) throw broken('one that ends with its body');
}

/** What a frame without a dictionary begins with, up to its first block. */
interface FrameShape {
  /** Its window is its content, and is not declared. */
  readonly isSingleSegment: boolean;
  /** Of the content size; 0 where it is not declared. */
  readonly sizeBytes: number;
  readonly headerBytes: number;
}

/** The shape of a frame with this descriptor. */
function frameShape(descriptor: number): FrameShape {
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const sizeBytes = sizeFlag > 0 ? 1 << sizeFlag : isSingleSegment ? 1 : 0;
  return { isSingleSegment, sizeBytes, headerBytes: DESCRIPTOR_AT + (isSingleSegment ? 1 : 2) + sizeBytes };
}

/** Where the first block of a frame without a dictionary begins. */
export function firstBlockOf(frame: Uint8Array): number {
  return frameShape(frame[DESCRIPTOR_AT] ?? 0).headerBytes;
}

function windowBytes(byte: number): number {
  const base = 2 ** (10 + (byte >> 3));
  return base + (base / 8) * (byte & 7);
}

function readLittleEndian(bytes: Uint8Array, offset: number, width: number): number {
  let value = 0;
  for (let i = width - 1; i >= 0; i -= 1) value = value * 256 + (bytes[offset + i] ?? 0);
  return value;
}
