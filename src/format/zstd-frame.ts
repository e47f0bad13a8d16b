/** What one zstd frame declares, read from its headers before anything is decompressed (§5.4, RFC 8878 §3.1.1). */

import type { NbakError } from '../errors.js';
import { invalidField, limitExceeded } from './shape.js';
import { LIMITS } from './limits.js';

const MAGIC = 0x28b52ffd;
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
  const descriptor = view.getUint8(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  if ((descriptor & 0x08) !== 0) throw broken('without reserved bits');
  if ((descriptor & 0x03) !== 0) throw broken('without a dictionary');
  const sizeFlag = descriptor >> 6;
  const sizeBytes = sizeFlag === 0 ? (singleSegment ? 1 : 0) : 1 << sizeFlag;
  if (sizeBytes === 0) throw broken('one that declares its content size');

  let offset = 5;
  let window = 0;
  if (!singleSegment) {
    const byte = view.getUint8(offset);
    offset += 1;
    const base = 2 ** (10 + (byte >> 3));
    window = base + (base / 8) * (byte & 7);
  }
  if (offset + sizeBytes > body.length) throw broken('complete');
  const declared = readLittleEndian(body, offset, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
  offset += sizeBytes;
  if (declared !== rawLength) throw broken(`one of ${rawLength} bytes, it declares ${declared}`);
  if (singleSegment) window = declared;
  if (window > LIMITS.zstdWindowBytes) {
    throw limitExceeded(structure, 'zstdWindowBytes', window, LIMITS.zstdWindowBytes);
  }

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

function readLittleEndian(bytes: Uint8Array, offset: number, width: number): number {
  let value = 0;
  for (let i = width - 1; i >= 0; i -= 1) value = value * 256 + (bytes[offset + i] ?? 0);
  return value;
}
