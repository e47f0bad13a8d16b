/** What bytes pass in a backup between being read and being stored, stage by stage, each timed. */

import { closeSync, fdatasyncSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { gearTable } from '../chunking/gear.js';
import { compress, looksCompressible } from '../compression/zstd.js';
import { nodeCrypto as crypto } from '../crypto/node.js';
import { BLOB_KINDS, encodeBlobHeader, sealedLengthOf } from '../format/blob.js';
import { idFromBytes, type RepositoryId } from '../format/ids.js';
import { blobKey, keySchedule } from '../vault/key-schedule.js';
import { Cutter } from './chunks.js';
import type { Segment } from './segments.js';
import { Stopwatch } from './stopwatch.js';

/** A chunk's bytes as they go from stage to stage. */
interface Body {
  readonly hash: Uint8Array;
  readonly bytes: Uint8Array;
}

/** The stages behind `read`, with keys of their own. */
export class Pipeline implements Disposable {
  readonly stopwatch = new Stopwatch();
  chunks = 0;
  bytesStored = 0;
  readonly #cutter: Cutter;
  readonly #tagKey: Uint8Array;
  readonly #sessionSecret: Uint8Array;
  readonly #session = crypto.randomBytes(16);
  /** Everything goes to one file without a name: it ends with the process, however that ends. */
  readonly #descriptor: number;

  constructor(directory: string) {
    const schedule = keySchedule(crypto, idFromBytes<RepositoryId>(crypto.randomBytes(16)));
    const secret = crypto.randomBytes(32);
    this.#cutter = new Cutter(crypto, {
      gear: gearTable(schedule.gearBytes(secret)),
      border: schedule.borderKey(secret),
    });
    this.#tagKey = schedule.tagKey(secret);
    this.#sessionSecret = schedule.sessionSecret(secret, this.#session, BLOB_KINDS.data);
    this.#descriptor = openUnnamed(join(directory, 'written'));
  }

  /** Sends a segment through what has to be compiled, and forgets what it took. */
  warmUp(segment: Segment): void {
    this.#seal(segment, new Stopwatch());
  }

  /** Sends a segment through every stage. */
  pass(segment: Segment): void {
    const { sealed, chunks } = this.#seal(segment, this.stopwatch);
    const bytes = lengthOf(sealed);
    this.stopwatch.time('write', bytes, () => {
      for (const frame of sealed) writeSync(this.#descriptor, frame);
    });
    this.stopwatch.time('sync', bytes, () => fdatasyncSync(this.#descriptor));
    this.chunks += chunks;
    this.bytesStored += bytes;
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }

  #seal(
    segment: Segment,
    stopwatch: Stopwatch,
  ): { readonly sealed: readonly Uint8Array[]; readonly chunks: number } {
    const { bytes } = segment;
    const chunks = stopwatch.time('cut', bytes.length, () => this.#cutter.cut(segment));
    const hashed = stopwatch.time('hash', bytes.length, () =>
      chunks.map(({ offset, length, slices }): Body => {
        // §10.5: a bundle is hashed twice, once whole and once file by file.
        let at = offset;
        for (const slice of slices) crypto.sha256(bytes.subarray(at, (at += slice)));
        const chunk = bytes.subarray(offset, offset + length);
        return { hash: crypto.sha256(chunk), bytes: chunk };
      }),
    );
    const bodies = stopwatch.time('zstd', bytes.length, () =>
      hashed.map(({ hash, bytes: chunk }): Body => {
        const packed = looksCompressible(chunk) ? compress(chunk) : chunk;
        return { hash, bytes: packed.length < chunk.length ? packed : chunk };
      }),
    );
    const bytesSealed = lengthOf(bodies.map((body) => body.bytes));
    const keys = stopwatch.time('keys', bytesSealed, () => bodies.map((body) => this.#keyOf(body)));
    const nonce = new Uint8Array(12);
    const sealed = stopwatch.time('aes-256-gcm', bytesSealed, () =>
      bodies.map((body, i) => crypto.aesGcmSeal(keys[i] as Uint8Array, nonce, body.bytes)),
    );
    stopwatch.time('sha-256', bytesSealed, () => {
      for (const frame of sealed) crypto.sha256(frame);
    });
    return { sealed, chunks: chunks.length };
  }

  /** §3.6 and §6.4: the dedup tag and the key of one blob. */
  #keyOf({ hash, bytes }: Body): Uint8Array {
    const header = encodeBlobHeader({
      codec: 'zstd',
      kind: BLOB_KINDS.data,
      epoch: 1,
      session: this.#session,
      nonce: new Uint8Array(12),
      tag: crypto.hmacSha256(this.#tagKey, hash),
      sealedLength: sealedLengthOf(bytes.length),
    });
    return blobKey(crypto, this.#sessionSecret, header).key;
  }
}

function lengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

function openUnnamed(path: string): number {
  const descriptor = openSync(path, 'wx', 0o600);
  unlinkSync(path);
  return descriptor;
}
