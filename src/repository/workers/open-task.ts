/** Opening frames in a thread: what is asked, what is answered, and the handler. Buffers are transferred, not copied. */

import { nodeCrypto as crypto } from '../../crypto/node.js';
import type { ErrorCode } from '../../errors.js';
import type { BlobKind } from '../../format/blob.js';
import type { Handler } from '../../threads/thread-pool.js';
import { BlobOpener } from '../blob-crypto.js';
import { openFrame, type EngineSecrets, type FrameRequest } from '../blob-engine.js';

/** Frames in a buffer, to be opened. */
export interface OpenRequest {
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

/** The plaintexts in one buffer, and their places in the order of the request. */
export interface OpenAnswer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly places: readonly OpenedPlace[];
}

/** What a thread does. */
export function openHandler({ blobs }: EngineSecrets): Handler<OpenRequest, OpenAnswer> {
  const opener = blobs && new BlobOpener(crypto, blobs);
  return ({ bytes, frames }) => {
    if (opener === undefined) throw new TypeError('this worker has no secrets');
    const results = frames.map((frame) =>
      openFrame(crypto, opener, bytes.subarray(frame.offset, frame.offset + frame.length), frame),
    );
    const plaintexts = results.map((result) => ('error' in result ? new Uint8Array(0) : result.plaintext));
    const joined = joinForTransfer(plaintexts);
    const places = results.map((result, i): OpenedPlace => {
      if ('error' in result) return result;
      const { plaintext, kind, pieces } = result;
      return { offset: joined.offsets[i] ?? 0, length: plaintext.length, kind, pieces };
    });
    return { bytes: joined.bytes, places };
  };
}

/** Node's Buffers share a pool that cannot be transferred, so results are joined into one array of their own. */
function joinForTransfer(parts: readonly Uint8Array[]): {
  bytes: Uint8Array<ArrayBuffer>;
  offsets: number[];
} {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  const offsets: number[] = [];
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offsets.push(offset);
    offset += part.length;
  }
  return { bytes, offsets };
}
