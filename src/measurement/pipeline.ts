/** What bytes pass in a backup between being read and being stored, stage by stage, each timed. */

import { matterOf } from '../repository/blob-crypto.js';
import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { gearTable } from '../chunking/gear.js';
import { looksCompressible } from '../compression/noise.js';
import { compressSmaller } from '../compression/zstd.js';
import { nodeCrypto as crypto } from '../crypto/node.js';
import { ZERO_NONCE } from '../crypto/provider.js';
import { BLOB_KINDS, encodeBlobHeader, sealedLengthOf } from '../format/blob.js';
import { idFromBytes, type RepositoryId } from '../format/ids.js';
import { AlignedMemory, STEP_BYTES } from '../storage/aligned-memory.js';
import { GrowingFile } from '../storage/growing-file.js';
import { blobKey, keySchedule } from '../vault/key-schedule.js';
import { Cutter, type Chunk } from './chunks.js';
import { SEGMENT_BYTES, type Segment } from './segments.js';
import { Stopwatch } from './stopwatch.js';

const AES_TAG_BYTES = 16;
const LEAST_CHUNK_BYTES = 512;

/** The stages behind `read`, with keys of their own. Memory is taken once: fresh pages would cost more than some stages. */
export class Pipeline implements AsyncDisposable {
  readonly stopwatch = new Stopwatch();
  chunks = 0;
  bytesStored = 0;
  readonly #cutter: Cutter;
  readonly #tagKey: Uint8Array;
  readonly #sessionSecret: Uint8Array;
  readonly #session = crypto.randomBytes(16);
  readonly #compressed = new Uint8Array(SEGMENT_BYTES);
  #sealed = new Uint8Array(SEGMENT_BYTES + (SEGMENT_BYTES / LEAST_CHUNK_BYTES) * AES_TAG_BYTES);
  readonly #path: string;
  readonly #file: GrowingFile;
  #isNamed = true;

  private constructor(path: string, file: GrowingFile) {
    this.#path = path;
    this.#file = file;
    const schedule = keySchedule(crypto, idFromBytes<RepositoryId>(crypto.randomBytes(16)));
    const secret = crypto.randomBytes(32);
    this.#cutter = new Cutter(crypto, {
      gear: gearTable(schedule.gearBytes(secret)),
      border: schedule.borderKey(secret),
    });
    this.#tagKey = schedule.tagKey(secret);
    this.#sessionSecret = schedule.sessionSecret(secret, this.#session, BLOB_KINDS.data);
  }

  /** Makes a pipeline that writes to one file in `directory`. @throws system errors. */
  static async create(directory: string): Promise<Pipeline> {
    const path = join(directory, 'written');
    return new Pipeline(path, await GrowingFile.create(path, new AlignedMemory()));
  }

  /** Sends a segment through what has to be compiled, and forgets what it took. */
  warmUp(segment: Segment): void {
    this.#seal(segment, new Stopwatch());
  }

  /** Sends a segment through every stage. @throws system errors. */
  async pass(segment: Segment): Promise<void> {
    const { sealed, chunks } = this.#seal(segment, this.stopwatch);
    await this.stopwatch.wait('write', sealed.length, () => this.#file.append(sealed));
    this.#forgetName();
    this.bytesStored += sealed.length;
    this.chunks += chunks;
  }

  /** Waits until all of it is on the disk. @throws system errors. */
  async finish(): Promise<void> {
    await this.stopwatch.wait('sync', this.bytesStored, () => this.#file.sync());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  /** A file without a name ends with the process, however that ends. */
  #forgetName(): void {
    // The second step waits for the first, which opens the file once more.
    if (!this.#isNamed || this.#file.size < 2 * STEP_BYTES) return;
    unlinkSync(this.#path);
    this.#isNamed = false;
  }

  /** @returns the sealed chunks, one behind the other, and their number. */
  #seal(segment: Segment, stopwatch: Stopwatch): { readonly sealed: Uint8Array; readonly chunks: number } {
    const { bytes } = segment;
    const chunks = stopwatch.time('cut', bytes.length, () => this.#cutter.cut(segment));
    const hashes = stopwatch.time('hash', bytes.length, () => chunks.map((chunk) => hashOf(bytes, chunk)));
    const bodies = stopwatch.time('zstd', bytes.length, () => this.#compress(bytes, chunks));
    const length = bodies.reduce((sum, body) => sum + body.length, 0);
    const keys = stopwatch.time('keys', length, () =>
      bodies.map((body, i) => this.#keyOf(hashes[i] as Uint8Array, body.length)),
    );
    const frames = this.#placesFor(bodies);
    stopwatch.time('aes-256-gcm', length, () => {
      for (const [i, body] of bodies.entries())
        crypto.aesGcmSealInto(keys[i] as Uint8Array, ZERO_NONCE, [body], frames[i] as Uint8Array);
    });
    stopwatch.time('sha-256', length, () => {
      for (const frame of frames) crypto.sha256(frame);
    });
    return {
      sealed: this.#sealed.subarray(0, length + AES_TAG_BYTES * bodies.length),
      chunks: chunks.length,
    };
  }

  #compress(bytes: Uint8Array, chunks: readonly Chunk[]): readonly Uint8Array[] {
    let end = 0;
    return chunks.map(({ offset, length }) => {
      const chunk = bytes.subarray(offset, offset + length);
      const frame = looksCompressible(chunk)
        ? compressSmaller(chunk, matterOf(BLOB_KINDS.data, length))
        : undefined;
      if (frame === undefined) return chunk;
      const start = end;
      end += frame.length;
      this.#compressed.set(frame, start);
      return this.#compressed.subarray(start, end);
    });
  }

  /** §3.6 and §6.4: the dedup tag and the key of one blob. */
  #keyOf(hash: Uint8Array, length: number): Uint8Array {
    const header = encodeBlobHeader({
      codec: 'zstd',
      kind: BLOB_KINDS.data,
      epoch: 1,
      session: this.#session,
      nonce: ZERO_NONCE,
      tag: crypto.hmacSha256(this.#tagKey, hash),
      sealedLength: sealedLengthOf(length),
    });
    return blobKey(crypto, this.#sessionSecret, header).key;
  }

  #placesFor(bodies: readonly Uint8Array[]): readonly Uint8Array[] {
    const most = bodies.reduce((sum, { length }) => sum + length + AES_TAG_BYTES, 0);
    // Only files of a few bytes need more than what was taken at first.
    if (most > this.#sealed.length) this.#sealed = new Uint8Array(most);
    let end = 0;
    return bodies.map(({ length }) => {
      const start = end;
      end += length + AES_TAG_BYTES;
      return this.#sealed.subarray(start, end);
    });
  }
}

/** SHA-256 of a chunk; a bundle is hashed twice, once file by file (§10.5) and once whole. */
function hashOf(bytes: Uint8Array, { offset, length, slices }: Chunk): Uint8Array {
  let end = offset;
  for (const slice of slices) crypto.sha256(bytes.subarray(end, (end += slice)));
  return crypto.sha256(bytes.subarray(offset, offset + length));
}
