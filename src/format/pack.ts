/** The layout of a pack and its footer's payload. Implements §8.1 and §8.2. */

import { compareBytes, concatBytes, readU32, u32, utf8 } from './bytes.js';
import { assertFrameLength, decodeBlobKind, type BlobKind } from './blob.js';
import { decodeCbor, encodeCbor, type CborValue } from './cbor.js';
import { idFromBytes, idToBytes, type BlobId, type RepositoryId } from './ids.js';
import { LIMITS } from './limits.js';
import { asArray, asBytes, asCount, asUint, invalidField, limitExceeded } from './shape.js';

/** One line of a footer (§8.2). */
export interface FooterBlob {
  readonly id: BlobId;
  /** Dedup tag as lower-case hex. */
  readonly tag: string;
  readonly kind: BlobKind;
  /** Frame length in bytes. */
  readonly length: number;
  /** SHA-256 of the bytes that stand in for `id` (§8.4), as hex. */
  readonly as?: string;
}

/** A footer's payload. */
export interface Footer {
  readonly repository: RepositoryId;
  readonly epoch: number;
  /** Session salt, 16 bytes. */
  readonly session: Uint8Array;
  /** The number of the dedup secret that the tags are under. */
  readonly dedup: number;
  readonly blobs: readonly FooterBlob[];
}

const TRAILER_MAGIC = utf8('NBKF');
/** u32 footer length ‖ `NBKF`. */
export const PACK_TRAILER_BYTES = 8;

/** Encodes a footer's payload. */
export function encodeFooter(footer: Footer): Uint8Array {
  const blobs = footer.blobs.map(({ id, tag, kind, length, as }): CborValue => {
    const row: CborValue[] = [idToBytes(id), idToBytes(tag as BlobId), kind, length];
    if (as !== undefined) row.push(idToBytes(as as BlobId));
    return row;
  });
  return encodeCbor([idToBytes(footer.repository), footer.epoch, footer.session, footer.dedup, blobs]);
}

/**
 * Decodes a footer's payload, whose signature has been verified.
 *
 * @throws NbakError `FORMAT_INVALID`, `FORMAT_NEWER` or `LIMIT_EXCEEDED`.
 */
export function decodeFooter(payload: Uint8Array): Footer {
  const structure = 'a pack footer';
  const [repository, epoch, session, dedup, rows] = asArray(
    decodeCbor(payload, structure),
    structure,
    'the payload',
    5,
  );
  const list = asArray(rows, structure, 'blobs');
  if (list.length > LIMITS.packBlobs)
    throw limitExceeded(structure, 'packBlobs', list.length, LIMITS.packBlobs);
  if (list.length === 0) throw invalidField(structure, 'blobs', 'at least one');
  const seen = new Set<BlobId>();
  const blobs = list.map((row): FooterBlob => {
    const fields = asArray(row, structure, 'a blob');
    if (fields.length !== 4 && fields.length !== 5)
      throw invalidField(structure, 'a blob', 'an array of 4 or 5');
    const id = idFromBytes<BlobId>(asBytes(fields[0], structure, 'id', 32));
    if (seen.has(id)) throw invalidField(structure, 'blobs', 'without duplicates');
    seen.add(id);
    const blob = {
      id,
      tag: idFromBytes<BlobId>(asBytes(fields[1], structure, 'tag', 32)) as string,
      kind: decodeBlobKind(asUint(fields[2], structure, 'kind'), structure),
      length: assertFrameLength(asUint(fields[3], structure, 'length'), structure),
    };
    if (fields.length === 4) return blob;
    return { ...blob, as: idFromBytes<BlobId>(asBytes(fields[4], structure, 'as', 32)) };
  });
  return {
    repository: idFromBytes(asBytes(repository, structure, 'id', 16)),
    epoch: asCount(epoch, structure, 'epoch', 0xffff_ffff),
    session: asBytes(session, structure, 'session', 16),
    dedup: asCount(dedup, structure, 'dedup'),
    blobs,
  };
}

/** The bytes after the last frame: signed footer and trailer. */
export function encodePackEnd(signedFooter: Uint8Array): Uint8Array {
  return concatBytes(signedFooter, u32(signedFooter.length), TRAILER_MAGIC);
}

/** The size of a whole pack (§8.1). */
export function packSize(footer: Footer, signedFooterLength: number): number {
  return footer.blobs.reduce((sum, blob) => sum + blob.length, 0) + signedFooterLength + PACK_TRAILER_BYTES;
}

/**
 * The footer's length from a pack's last 8 bytes.
 *
 * @param packBytes - the size of the whole pack.
 * @throws NbakError `FORMAT_INVALID` or `LIMIT_EXCEEDED`.
 */
export function decodePackTrailer(trailer: Uint8Array, packBytes: number): number {
  const structure = 'a pack';
  if (packBytes > LIMITS.packBytes) throw limitExceeded(structure, 'packBytes', packBytes, LIMITS.packBytes);
  if (trailer.length !== PACK_TRAILER_BYTES || compareBytes(trailer.subarray(4), TRAILER_MAGIC) !== 0) {
    throw invalidField(structure, 'its trailer', 'a length and NBKF');
  }
  const length = readU32(trailer, 0);
  if (length > LIMITS.footerBytes) throw limitExceeded(structure, 'footerBytes', length, LIMITS.footerBytes);
  if (length < 1 || length > packBytes - PACK_TRAILER_BYTES)
    throw invalidField(structure, 'its footer', 'within the pack');
  return length;
}
