/** What the pool and its workers say to each other. Buffers are transferred, not copied. */

import type { ErrorCode } from '../../errors.js';
import type { BlobKind } from '../../format/blob.js';
import type { BlobSecrets } from '../blob-crypto.js';
import type { ChunkDigest, FrameRequest, SegmentChunk } from '../blob-engine.js';

/** Given to a worker when it starts. */
export interface WorkerStart {
  readonly blobs?: BlobSecrets;
  readonly session?: Uint8Array;
  /** This worker's alone, and never given again in the session (§6.5). */
  readonly lane: number;
}

/** From the pool to a worker. */
export type WorkerRequest =
  | {
      readonly task: 'digest';
      readonly id: number;
      readonly bytes: Uint8Array;
      readonly chunks: readonly SegmentChunk[];
    }
  | {
      readonly task: 'seal';
      readonly id: number;
      readonly segment: number;
      readonly indexes: readonly number[];
    }
  | {
      readonly task: 'open';
      readonly id: number;
      readonly bytes: Uint8Array;
      readonly frames: readonly FrameRequest[];
    }
  | {
      readonly task: 'hash';
      readonly id: number;
      readonly bytes: Uint8Array;
      readonly ranges: readonly { readonly offset: number; readonly length: number }[];
    };

/** A frame's place in the answer's buffer. */
export interface SealedPlace {
  readonly index: number;
  readonly blob: string;
  readonly offset: number;
  readonly length: number;
}

/** An opened frame's place in the answer's buffer, or its error. */
export type OpenedPlace =
  | {
      readonly offset: number;
      readonly length: number;
      readonly kind: BlobKind;
      readonly pieces: readonly Uint8Array[];
    }
  | { readonly error: { readonly code: ErrorCode; readonly message: string } };

/** From a worker to the pool. */
export type WorkerResponse =
  | { readonly task: 'digest'; readonly id: number; readonly digests: readonly ChunkDigest[] }
  | {
      readonly task: 'seal';
      readonly id: number;
      readonly bytes: Uint8Array;
      readonly places: readonly SealedPlace[];
    }
  | {
      readonly task: 'open';
      readonly id: number;
      readonly bytes: Uint8Array;
      readonly places: readonly OpenedPlace[];
    }
  | { readonly task: 'hash'; readonly id: number; readonly hashes: readonly string[] }
  | { readonly task: 'failed'; readonly id: number; readonly message: string };
