/** The NBAK frame of one blob: layout only, no cryptography. Implements §6.1–§6.3. */

import { concatBytes, equalBytes, readU32, u32, utf8 } from './bytes.js';
import { assertBody, assertVersion, decodeCodec, newer, type Codec } from './compressed-object.js';
import { LIMITS } from './limits.js';
import { invalidField, limitExceeded } from './shape.js';

/** Length of the part of a frame that the key derivation binds (§6.1). */
export const BLOB_HEADER_BYTES = 76;
/** Header and commitment. */
const BLOB_PREFIX_BYTES = 108;
/** What a frame adds to its sealed length. */
export const BLOB_OVERHEAD_BYTES = 124;
/** Plaintext length and body length before the body (§6.3). */
const SEALED_PREFIX_BYTES = 8;

const MAGIC = utf8('NBAK');
const SUITE = 1;

/** §6.2. */
export const BLOB_KINDS = { data: 1, bundle: 2, appKey: 3, sealedPage: 4, sealedDetail: 5 } as const;
/** A kind byte of §6.2. */
export type BlobKind = (typeof BLOB_KINDS)[keyof typeof BLOB_KINDS];

/** The fields of a frame's first 76 bytes, less the constants. */
export interface BlobHeader {
  readonly codec: Codec;
  readonly kind: BlobKind;
  readonly epoch: number;
  /** Session salt, 16 bytes. */
  readonly session: Uint8Array;
  /** u32 lane ‖ u64 counter, 12 bytes. */
  readonly nonce: Uint8Array;
  /** Dedup tag, 32 bytes. */
  readonly tag: Uint8Array;
  /** Length of the ciphertext without its authentication tag. */
  readonly sealedLength: number;
}

/** A frame taken apart; the arrays are views into it. */
export interface BlobFrame {
  readonly header: BlobHeader;
  /** The 76 bytes that the key is bound to. */
  readonly headerBytes: Uint8Array;
  readonly commitment: Uint8Array;
  /** Ciphertext ‖ authentication tag. */
  readonly sealed: Uint8Array;
}

/** `kind` of a kind byte; throws `FORMAT_NEWER` for an unknown one. */
export function decodeBlobKind(byte: number | undefined, structure: string): BlobKind {
  if (byte === undefined || byte < 1 || byte > 5) throw newer(structure, 'kind', byte);
  return byte as BlobKind;
}

/**
 * `length` if a frame can have it (§6.1): where a signed object names one.
 *
 * @throws NbakError `FORMAT_INVALID` or `LIMIT_EXCEEDED`.
 */
export function assertFrameLength(length: number, structure: string): number {
  const sealedLength = length - BLOB_OVERHEAD_BYTES;
  if (sealedLength < SEALED_PREFIX_BYTES) throw invalidField(structure, 'a frame length', 'at least 132');
  if (sealedLength > LIMITS.sealedBytes)
    throw limitExceeded(structure, 'sealedBytes', sealedLength, LIMITS.sealedBytes);
  return length;
}

/** Encodes the 76 header bytes (§6.1). */
export function encodeBlobHeader(header: BlobHeader): Uint8Array {
  const codec = header.codec === 'zstd' ? 1 : 0;
  return concatBytes(
    MAGIC,
    Uint8Array.of(2, SUITE, codec, header.kind),
    u32(header.epoch),
    header.session,
    header.nonce,
    header.tag,
    u32(header.sealedLength),
  );
}

/**
 * Decodes the header of a frame of `frameLength` bytes and checks every public field (§6.1).
 *
 * @param bytes - the frame, or as much of it as holds the header.
 * @throws NbakError `FORMAT_NEWER`, `FORMAT_INVALID` or `LIMIT_EXCEEDED`.
 */
export function decodeBlobHeader(bytes: Uint8Array, frameLength: number): BlobHeader {
  const structure = 'a blob';
  if (frameLength < BLOB_OVERHEAD_BYTES)
    throw invalidField(structure, 'its length', `at least ${BLOB_OVERHEAD_BYTES}`);
  if (!equalBytes(bytes.subarray(0, 4), MAGIC)) throw invalidField(structure, 'its magic', 'NBAK');
  // §6.1: version 1 is older, not newer, and has no place under a manifest of version 2 (A14).
  if (bytes[4] === 1) throw invalidField(structure, 'its version', '2');
  assertVersion(bytes[4], structure);
  if (bytes[5] !== SUITE) throw newer(structure, 'suite', bytes[5]);
  const codec = decodeCodec(bytes[6], structure);
  const kind = decodeBlobKind(bytes[7], structure);
  const epoch = readU32(bytes, 8);
  if (epoch < 1) throw invalidField(structure, 'epoch', 'at least 1');
  const sealedLength = readU32(bytes, 72);
  if (sealedLength > LIMITS.sealedBytes) {
    throw limitExceeded(structure, 'sealedBytes', sealedLength, LIMITS.sealedBytes);
  }
  if (sealedLength < SEALED_PREFIX_BYTES) throw invalidField(structure, 'sealed length', 'at least 8');
  if (frameLength !== sealedLength + BLOB_OVERHEAD_BYTES) {
    throw invalidField(structure, 'its length', `${sealedLength + BLOB_OVERHEAD_BYTES} as its header says`);
  }
  return {
    codec,
    kind,
    epoch,
    session: bytes.subarray(12, 28),
    nonce: bytes.subarray(28, 40),
    tag: bytes.subarray(40, 72),
    sealedLength,
  };
}

/**
 * Takes a frame apart and checks every public field (§6.1).
 *
 * @throws NbakError `FORMAT_NEWER`, `FORMAT_INVALID` or `LIMIT_EXCEEDED`.
 */
export function decodeBlobFrame(frame: Uint8Array): BlobFrame {
  return {
    header: decodeBlobHeader(frame, frame.length),
    headerBytes: frame.subarray(0, BLOB_HEADER_BYTES),
    commitment: frame.subarray(BLOB_HEADER_BYTES, BLOB_PREFIX_BYTES),
    sealed: frame.subarray(BLOB_PREFIX_BYTES),
  };
}

/** Length of the frame that a header begins. */
export function frameLengthOf({ sealedLength }: Pick<BlobHeader, 'sealedLength'>): number {
  return BLOB_OVERHEAD_BYTES + sealedLength;
}

/** Writes header and commitment into a frame; returns the part of it that takes ciphertext and tag. */
export function layOutBlobFrame(
  frame: Uint8Array,
  headerBytes: Uint8Array,
  commitment: Uint8Array,
): Uint8Array {
  frame.set(headerBytes);
  frame.set(commitment, BLOB_HEADER_BYTES);
  return frame.subarray(BLOB_PREFIX_BYTES);
}

/** The nonce of a lane's n-th blob (§6.5). */
export function encodeNonce(lane: number, counter: number): Uint8Array {
  const nonce = new Uint8Array(12);
  const view = new DataView(nonce.buffer);
  view.setUint32(0, lane);
  view.setBigUint64(4, BigInt(counter));
  return nonce;
}

/** What is encrypted before the body (§6.3); without padding nothing comes after it. */
export function sealedPrefix(plaintextLength: number, bodyLength: number): Uint8Array {
  return concatBytes(u32(plaintextLength), u32(bodyLength));
}

/** The sealed length of a body. */
export function sealedLengthOf(bodyLength: number): number {
  return SEALED_PREFIX_BYTES + bodyLength;
}

/**
 * Takes decrypted bytes apart (§6.3) and checks the body's headers, without decompressing.
 *
 * @throws NbakError `FORMAT_INVALID` or `LIMIT_EXCEEDED`.
 */
export function decodeSealedPlaintext(
  opened: Uint8Array,
  codec: Codec,
): { readonly plaintextLength: number; readonly body: Uint8Array } {
  const structure = 'an opened blob';
  const plaintextLength = readU32(opened, 0);
  if (plaintextLength > LIMITS.plaintextBytes) {
    throw limitExceeded(structure, 'plaintextBytes', plaintextLength, LIMITS.plaintextBytes);
  }
  const bodyLength = readU32(opened, 4);
  if (bodyLength > opened.length - SEALED_PREFIX_BYTES)
    throw invalidField(structure, 'body length', 'within the seal');
  const body = opened.subarray(SEALED_PREFIX_BYTES, SEALED_PREFIX_BYTES + bodyLength);
  for (let i = SEALED_PREFIX_BYTES + bodyLength; i < opened.length; i += 1) {
    if (opened[i] !== 0) throw invalidField(structure, 'padding', 'zero');
  }
  assertBody(codec, body, plaintextLength, structure);
  return { plaintextLength, body };
}
