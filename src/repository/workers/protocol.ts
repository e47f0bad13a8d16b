/** What the pool and its workers say to each other. Buffers are transferred, not copied. */

import type { ErrorCode } from '../../errors.js';
import type { BlobKind } from '../../format/blob.js';
import type { BlobSecrets } from '../blob-crypto.js';
import type { FrameRequest } from '../blob-engine.js';

/** Given to a worker when it starts. */
export interface WorkerStart {
  readonly blobs?: BlobSecrets;
}

/** From the pool to a worker. */
export interface WorkerRequest {
  readonly task: 'open';
  readonly id: number;
  readonly bytes: Uint8Array;
  readonly frames: readonly FrameRequest[];
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
  | {
      readonly task: 'open';
      readonly id: number;
      readonly bytes: Uint8Array;
      readonly places: readonly OpenedPlace[];
    }
  | { readonly task: 'failed'; readonly id: number; readonly message: string };
