/** One worker thread: digests, seals, opens and hashes what the pool sends. */

import { parentPort, workerData } from 'node:worker_threads';
import { nodeCrypto as crypto } from '../../crypto/node.js';
import { toHex } from '../../format/bytes.js';
import { BlobOpener, BlobSealer } from '../blob-crypto.js';
import { digestSegment, openFrame, sealSegment, type ChunkDigest, type Segment } from '../blob-engine.js';
import type { OpenedPlace, SealedPlace, WorkerRequest, WorkerResponse, WorkerStart } from './protocol.js';

const start = workerData as WorkerStart;
const opener = start.blobs && new BlobOpener(crypto, start.blobs);
const sealer =
  start.blobs &&
  start.session &&
  new BlobSealer(crypto, start.blobs, { session: start.session, lane: start.lane });

/** Segments that were digested and wait to be sealed, by the id of their digest request. */
const waiting = new Map<number, Segment & { readonly digests: readonly ChunkDigest[] }>();

parentPort?.on('message', (request: WorkerRequest) => {
  let response: WorkerResponse;
  try {
    response = answer(request);
  } catch (error) {
    response = {
      task: 'failed',
      id: request.id,
      message: error instanceof Error ? error.message : String(error),
    };
  }
  const transfer = 'bytes' in response ? [response.bytes.buffer as ArrayBuffer] : [];
  parentPort?.postMessage(response, transfer);
});

function answer(request: WorkerRequest): WorkerResponse {
  const { id } = request;
  switch (request.task) {
    case 'digest': {
      if (sealer === undefined) throw new TypeError('this worker has no session');
      const digests = digestSegment(crypto, sealer, request);
      waiting.set(id, { bytes: request.bytes, chunks: request.chunks, digests });
      return { task: 'digest', id, digests };
    }
    case 'seal':
      return seal(id, request.segment, request.indexes);
    case 'open': {
      if (opener === undefined) throw new TypeError('this worker has no secrets');
      return open(opener, request);
    }
    case 'hash': {
      const hashes = request.ranges.map(({ offset, length }) =>
        toHex(crypto.sha256(request.bytes.subarray(offset, offset + length))),
      );
      return { task: 'hash', id, hashes };
    }
  }
}

function seal(id: number, segmentId: number, indexes: readonly number[]): WorkerResponse {
  const segment = waiting.get(segmentId);
  if (sealer === undefined || segment === undefined) throw new TypeError('there is no such segment');
  waiting.delete(segmentId);
  const sealed = sealSegment(crypto, sealer, segment, indexes);
  const { bytes, offsets } = joinForTransfer(sealed.map(({ frame }) => frame));
  const places = sealed.map(({ index, id: blob, frame }, i): SealedPlace => ({
    index,
    blob,
    offset: offsets[i] ?? 0,
    length: frame.length,
  }));
  return { task: 'seal', id, bytes, places };
}

function open(with_: BlobOpener, request: Extract<WorkerRequest, { task: 'open' }>): WorkerResponse {
  const results = request.frames.map((frame) =>
    openFrame(crypto, with_, request.bytes.subarray(frame.offset, frame.offset + frame.length), frame),
  );
  const plaintexts = results.map((result) => ('error' in result ? new Uint8Array(0) : result.plaintext));
  const { bytes, offsets } = joinForTransfer(plaintexts);
  const places = results.map((result, i): OpenedPlace => {
    if ('error' in result) return result;
    return {
      offset: offsets[i] ?? 0,
      length: result.plaintext.length,
      kind: result.kind,
      pieces: result.pieces,
    };
  });
  return { task: 'open', id: request.id, bytes, places };
}

/** Node's Buffers share a pool that cannot be transferred, so results are joined into one array of their own. */
function joinForTransfer(parts: readonly Uint8Array[]): { bytes: Uint8Array; offsets: number[] } {
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
