/** One worker thread: opens what the pool sends. */

import { parentPort, workerData } from 'node:worker_threads';
import { nodeCrypto as crypto } from '../../crypto/node.js';
import { BlobOpener } from '../blob-crypto.js';
import { openFrame } from '../blob-engine.js';
import type { OpenedPlace, WorkerRequest, WorkerResponse, WorkerStart } from './protocol.js';

const start = workerData as WorkerStart;
const opener = start.blobs && new BlobOpener(crypto, start.blobs);
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
  if (opener === undefined) throw new TypeError('this worker has no secrets');
  return open(opener, request);
}

function open(with_: BlobOpener, request: WorkerRequest): WorkerResponse {
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
