/**
 * Opening blobs, behind one interface, with two implementations: in this thread, for
 * small amounts and for portability, and in worker threads (workers/).
 */

import type { CryptoProvider } from '../crypto/provider.js';
import { decodeBundle } from '../format/bundle.js';
import { toHex } from '../format/bytes.js';
import { BLOB_KINDS, type BlobKind } from '../format/blob.js';
import { NbakError, type ErrorCode } from '../errors.js';
import { BlobOpener, type BlobSecrets } from './blob-crypto.js';

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
  /** Checks and opens frames; the order of results is that of the requests. Only for engines made with secrets. */
  open(bytes: Uint8Array, frames: readonly FrameRequest[]): Promise<readonly FrameResult[]>;
  close(): Promise<void>;
}

/** What an engine is made with: secrets for opening. */
export interface EngineSecrets {
  readonly blobs?: BlobSecrets;
}

function pieceHashes(
  crypto: CryptoProvider,
  kind: BlobKind,
  plaintext: Uint8Array,
  hash: Uint8Array,
): readonly Uint8Array[] {
  return kind === BLOB_KINDS.bundle ? decodeBundle(plaintext).map((slice) => crypto.sha256(slice)) : [hash];
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
  return {
    open(bytes, frames) {
      if (opener === undefined) throw new TypeError('this engine has no secrets');
      const open = (request: FrameRequest): FrameResult =>
        openFrame(crypto, opener, bytes.subarray(request.offset, request.offset + request.length), request);
      return Promise.resolve(frames.map(open));
    },
    close: () => Promise.resolve(),
  };
}
