/** The envelope of pages and index objects: magic, version, codec, raw length, body. Implements §5.3. */

import { NbakError } from '../errors.js';
import { concatBytes, u32, readU32, utf8 } from './bytes.js';
import { invalidField, limitExceeded } from './shape.js';
import { assertZstdFrame } from './zstd-frame.js';

/** Whether a body is as it is or one zstd frame (§5.3, §6.1). */
export type Codec = 'stored' | 'zstd';

/** What §5.3 adds to the raw bytes of an object at most. */
export const COMPRESSED_OVERHEAD_BYTES = 10;

/** The magics of §5.3. */
export type CompressedMagic = 'NBKP' | 'NBKI';

/** A body still compressed, with what it must decompress to. */
export interface CompressedBody {
  readonly codec: Codec;
  readonly rawLength: number;
  readonly body: Uint8Array;
}

const HEADER_BYTES = COMPRESSED_OVERHEAD_BYTES;
const VERSION = 2;

/** Encodes the envelope around a body. */
export function encodeCompressedObject(
  magic: CompressedMagic,
  { codec, rawLength, body }: CompressedBody,
): Uint8Array {
  return concatBytes(utf8(magic), Uint8Array.of(VERSION, codec === 'zstd' ? 1 : 0), u32(rawLength), body);
}

/**
 * Decodes the envelope and checks the body's headers, without decompressing.
 *
 * @param most - the limit of §15 for the raw length.
 * @throws NbakError `FORMAT_NEWER`, `FORMAT_INVALID` or `LIMIT_EXCEEDED`.
 */
export function decodeCompressedObject(
  magic: CompressedMagic,
  bytes: Uint8Array,
  most: number,
  structure: string,
): CompressedBody {
  if (bytes.length < HEADER_BYTES || utf8(magic).some((byte, i) => bytes[i] !== byte)) {
    throw invalidField(structure, 'its magic', magic);
  }
  assertVersion(bytes[4], structure);
  const codec = decodeCodec(bytes[5], structure);
  const rawLength = readU32(bytes, 6);
  if (rawLength > most) throw limitExceeded(structure, 'raw length', rawLength, most);
  const body = bytes.subarray(HEADER_BYTES);
  // Only what got smaller is compressed, so that the raw limit bounds the stored object too.
  if (codec === 'zstd' && body.length >= rawLength)
    throw invalidField(structure, 'its body', `shorter than the raw ${rawLength} bytes`);
  assertBody(codec, body, rawLength, structure);
  return { codec, rawLength, body };
}

/** Throws `FORMAT_NEWER` unless `version` is 2. */
export function assertVersion(version: number | undefined, structure: string): void {
  if (version !== VERSION) throw newer(structure, 'version', version);
}

/** The codec of a codec byte; throws `FORMAT_NEWER` for an unknown one. */
export function decodeCodec(byte: number | undefined, structure: string): Codec {
  if (byte === 0) return 'stored';
  if (byte === 1) return 'zstd';
  throw newer(structure, 'codec', byte);
}

/** Checks a body against its codec and declared length (§5.3, §5.4, §6.3). */
export function assertBody(codec: Codec, body: Uint8Array, rawLength: number, structure: string): void {
  if (codec === 'zstd') assertZstdFrame(body, rawLength, structure);
  else if (body.length !== rawLength) throw invalidField(structure, 'its body', `${rawLength} bytes long`);
}

/** The error for something that a later format may define. */
export function newer(structure: string, field: string, value: number | string | undefined): NbakError {
  return new NbakError(
    'FORMAT_NEWER',
    `Cannot read ${structure}: ${field} ${value ?? 'none'} is unknown to this version`,
    {
      details: { structure, field, value: value ?? null },
      hint: 'A newer nbak may read it; if none does, the object is damaged.',
    },
  );
}
