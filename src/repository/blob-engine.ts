/**
 * The heavy work on blobs (hash, seal, open) behind one interface, with two implementations: in this thread, for
 * small amounts and for portability, and in worker threads (workers/).
 */

import type { CryptoProvider } from '../crypto/provider.js';
import { decodeBundle } from '../format/bundle.js';
import { fromHex, toHex } from '../format/bytes.js';
import { BLOB_KINDS, type BlobKind } from '../format/blob.js';
import { idFromBytes, type BlobId } from '../format/ids.js';
import { NbakError, type ErrorCode } from '../errors.js';
import { BlobOpener, BlobSealer, type BlobSecrets } from './blob-crypto.js';

/** One chunk in a segment's bytes. */
export interface SegmentChunk {
  readonly offset: number;
  readonly length: number;
  readonly kind: BlobKind;
}

/** Bytes of several chunks that go through the engine together, so that a message costs little per chunk. */
export interface Segment {
  readonly bytes: Uint8Array;
  readonly chunks: readonly SegmentChunk[];
}

/** What is known of a chunk before it is sealed. */
export interface ChunkDigest {
  /** Dedup tag as hex (§3.6). */
  readonly tag: string;
  /** SHA-256 of each piece: one of the chunk, or one of each slice of a bundle (§10.5). Never stored. */
  readonly pieces: readonly Uint8Array[];
}

/** A sealed chunk: `index` is its place in the segment. */
export interface SealedChunk {
  readonly index: number;
  readonly id: BlobId;
  readonly frame: Uint8Array;
}

/** A segment whose digests are known and which waits for the decision what to seal. */
export interface DigestedSegment {
  readonly digests: readonly ChunkDigest[];
  /** Seals the chunks at `indexes` and lets go of the segment; call it once, also with none. */
  readonly seal: (indexes: readonly number[]) => Promise<readonly SealedChunk[]>;
}

/** A frame in a buffer and what it is expected to be. */
export interface FrameRequest {
  readonly offset: number;
  readonly length: number;
  /** SHA-256 that the frame's bytes must have, as hex. */
  readonly expected: string;
  /** The number of the dedup secret of its tag. */
  readonly dedup: number;
}

/** An opened frame, or why it did not open. */
export type FrameResult =
  | {
      readonly plaintext: Uint8Array;
      readonly kind: BlobKind;
      readonly pieces: readonly Uint8Array[];
    }
  | { readonly error: { readonly code: ErrorCode; readonly message: string } };

/** The heavy work. Buffers passed in are the engine's from then on and may be detached. */
export interface BlobEngine {
  /** Digests every chunk of a segment. Only for engines made with a session. */
  digest(segment: Segment): Promise<DigestedSegment>;
  /** Checks and opens frames; the order of results is that of the requests. Only for engines made with secrets. */
  open(bytes: Uint8Array, frames: readonly FrameRequest[]): Promise<readonly FrameResult[]>;
  /** SHA-256 of parts of a buffer, as hex. */
  hash(
    bytes: Uint8Array,
    ranges: readonly { readonly offset: number; readonly length: number }[],
  ): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** What an engine is made with: nothing for hashing alone, secrets for opening, a session for sealing. */
export interface EngineSecrets {
  readonly blobs?: BlobSecrets;
  /** Session salt, 16 bytes. */
  readonly session?: Uint8Array;
}

/** Digests the chunks of a segment. */
export function digestSegment(
  crypto: CryptoProvider,
  sealer: BlobSealer,
  segment: Segment,
): readonly ChunkDigest[] {
  return segment.chunks.map(({ offset, length, kind }) => {
    const chunk = segment.bytes.subarray(offset, offset + length);
    const hash = crypto.sha256(chunk);
    return { tag: toHex(sealer.tagOf(hash)), pieces: pieceHashes(crypto, kind, chunk, hash) };
  });
}

function pieceHashes(
  crypto: CryptoProvider,
  kind: BlobKind,
  plaintext: Uint8Array,
  hash: Uint8Array,
): readonly Uint8Array[] {
  return kind === BLOB_KINDS.bundle ? decodeBundle(plaintext).map((slice) => crypto.sha256(slice)) : [hash];
}

/** Seals some chunks of a digested segment. */
export function sealSegment(
  crypto: CryptoProvider,
  sealer: BlobSealer,
  segment: Segment & { readonly digests: readonly ChunkDigest[] },
  indexes: readonly number[],
): readonly SealedChunk[] {
  return indexes.map((index) => {
    const chunk = segment.chunks[index];
    const digest = segment.digests[index];
    if (chunk === undefined || digest === undefined) throw new RangeError(`no chunk ${index} in the segment`);
    const plaintext = segment.bytes.subarray(chunk.offset, chunk.offset + chunk.length);
    const frame = sealer.seal(chunk.kind, plaintext, fromHex(digest.tag));
    return { index, id: idFromBytes(crypto.sha256(frame)), frame };
  });
}

/** Checks and opens one frame. */
export function openFrame(
  crypto: CryptoProvider,
  opener: BlobOpener,
  frame: Uint8Array,
  request: Pick<FrameRequest, 'expected' | 'dedup'>,
): FrameResult {
  if (toHex(crypto.sha256(frame)) !== request.expected) {
    return { error: { code: 'OBJECT_CORRUPT', message: 'its bytes do not match its id' } };
  }
  try {
    const { plaintext, hash, header } = opener.open(frame, request.dedup);
    return { plaintext, kind: header.kind, pieces: pieceHashes(crypto, header.kind, plaintext, hash) };
  } catch (error) {
    if (error instanceof NbakError) return { error: { code: error.code, message: error.message } };
    throw error;
  }
}

/** An engine that works in this thread. */
export function inlineEngine(crypto: CryptoProvider, secrets: EngineSecrets): BlobEngine {
  const opener = secrets.blobs && new BlobOpener(crypto, secrets.blobs);
  const sealer =
    secrets.blobs &&
    secrets.session &&
    new BlobSealer(crypto, secrets.blobs, { session: secrets.session, lane: 0 });
  return {
    digest(segment) {
      if (sealer === undefined) throw new TypeError('this engine has no session');
      const digests = digestSegment(crypto, sealer, segment);
      return Promise.resolve({
        digests,
        seal: (indexes) => Promise.resolve(sealSegment(crypto, sealer, { ...segment, digests }, indexes)),
      });
    },
    open(bytes, frames) {
      if (opener === undefined) throw new TypeError('this engine has no secrets');
      const open = (request: FrameRequest): FrameResult =>
        openFrame(crypto, opener, bytes.subarray(request.offset, request.offset + request.length), request);
      return Promise.resolve(frames.map(open));
    },
    hash: (bytes, ranges) =>
      Promise.resolve(
        ranges.map(({ offset, length }) => toHex(crypto.sha256(bytes.subarray(offset, offset + length)))),
      ),
    close: () => Promise.resolve(),
  };
}
