/** A blob engine on worker threads: each request goes to the worker with the least to do. */

import { Worker } from 'node:worker_threads';
import { NbakError } from '../../errors.js';
import type { BlobEngine, EngineSecrets, FrameResult } from '../blob-engine.js';
import type { WorkerRequest, WorkerResponse, WorkerStart } from './protocol.js';

type RequestBody = WorkerRequest extends infer Request
  ? Request extends unknown
    ? Omit<Request, 'id'>
    : never
  : never;
type Response<Task extends WorkerRequest['task']> = Extract<WorkerResponse, { task: Task }>;

interface Pending {
  readonly resolve: (response: WorkerResponse) => void;
  readonly reject: (error: Error) => void;
}

interface Member {
  readonly worker: Worker;
  readonly pending: Map<number, Pending>;
  /** Why the thread is gone; then it takes no more work. */
  dead?: Error;
}

/**
 * An engine on up to `threads` workers. Each starts when there is work for it: it costs 50 ms of processor time, more
 * than a backup in which nothing changed needs for everything else.
 *
 * @param threads - at least 1; memory grows by some 20 MiB and a segment each.
 */
export function workerEngine(threads: number, secrets: EngineSecrets): BlobEngine {
  const members: Member[] = [];
  let nextId = 0;

  function ask<Task extends WorkerRequest['task']>(
    member: Member,
    body: RequestBody & { readonly task: Task },
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<Response<Task> & { readonly id: number }> {
    if (member.dead !== undefined) return Promise.reject(member.dead);
    const id = nextId;
    nextId += 1;
    return new Promise((resolve, reject) => {
      member.pending.set(id, { resolve: resolve as (response: WorkerResponse) => void, reject });
      member.worker.postMessage({ ...body, id }, [...transfer]);
    });
  }

  function idlest(): Member {
    const load = (index: number): number => members[index]?.pending.size ?? 0;
    let least = 0;
    for (let other = 1; other < threads; other += 1) if (load(other) < load(least)) least = other;
    return (members[least] ??= startMember(secrets));
  }

  return {
    async open(bytes, frames): Promise<readonly FrameResult[]> {
      const owned = transferable(bytes);
      const opened = await ask(idlest(), { task: 'open', bytes: owned, frames }, [
        owned.buffer as ArrayBuffer,
      ]);
      return opened.places.map((place): FrameResult => {
        if ('error' in place) return place;
        const plaintext = opened.bytes.subarray(place.offset, place.offset + place.length);
        return { plaintext, kind: place.kind, pieces: place.pieces };
      });
    },
    async close() {
      await Promise.all(members.map(({ worker }) => worker.terminate()));
    },
  };
}

function startMember(secrets: EngineSecrets): Member {
  const worker = new Worker(new URL('./worker.js', import.meta.url), {
    workerData: secrets satisfies WorkerStart,
  });
  const pending = new Map<number, Pending>();
  const member: Member = { worker, pending };
  const failAll = (why: string, cause?: unknown): void => {
    const error = new NbakError('INTERNAL', `A worker thread failed: ${why}`, { cause });
    member.dead ??= error;
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
  };
  worker.on('message', (response: WorkerResponse) => {
    const waiting = pending.get(response.id);
    pending.delete(response.id);
    if (response.task === 'failed')
      waiting?.reject(new NbakError('INTERNAL', `A worker thread failed: ${response.message}`));
    else waiting?.resolve(response);
  });
  worker.on('error', (error) => failAll('it crashed', error));
  worker.on('exit', () => failAll('it stopped'));
  return member;
}

/** A view that fills an ArrayBuffer of its own, as transfers need; copies only where it does not. */
function transferable(bytes: Uint8Array): Uint8Array {
  const alone = bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer;
  return alone && !Buffer.isBuffer(bytes) ? bytes : new Uint8Array(bytes);
}
