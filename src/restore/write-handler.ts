/** Does write jobs: reads, checks and opens frames, and writes their pieces. Plaintext never leaves the thread. Implements §22.3. */

import { closeSync, readSync } from 'node:fs';
import { nodeCrypto as crypto } from '../crypto/node.js';
import { BLOB_KINDS } from '../format/blob.js';
import { decodeBundle } from '../format/bundle.js';
import {
  BlobOpener,
  reusedBuffer,
  reusedMemory,
  type BlobSecrets,
  type OpenedBlob,
} from '../repository/blob-crypto.js';
import type { Handler } from '../threads/thread-pool.js';
import { setFileAttributes } from './attributes.js';
import { systemPath } from './held-directory.js';
import { makeFile, writeFully } from './staged-file.js';
import {
  HASH_BYTES,
  type FrameOrder,
  type FrameRun,
  type NewFile,
  type PieceOrder,
  type WriteAnswer,
  type WriteJob,
} from './write-job.js';

/**
 * What a thread does.
 *
 * @remarks A piece that cannot be had counts as failed, whatever the reason: the restore tries its file again, alone
 *   and from every place there is, and says why if that fails too. A frame is not compared with its id: each piece is
 *   part of a file's digest, and hashing 1 GB of frames takes as long as decrypting two (§22.3).
 */
export function writeHandler(secrets: BlobSecrets): Handler<WriteJob, WriteAnswer> {
  const tools: ThreadTools = {
    opener: new BlobOpener(crypto, secrets, reusedMemory()),
    buffer: reusedBuffer(),
  };
  return (job) => new PieceWriter(tools, job).write();
}

/** What a thread keeps for all of its jobs. */
interface ThreadTools {
  readonly opener: BlobOpener;
  readonly buffer: (length: number) => Uint8Array;
}

/** Does one job. */
class PieceWriter {
  readonly #tools: ThreadTools;
  readonly #job: WriteJob;
  /** As a buffer: V8's `set` copies into shared memory a fifth as fast as `fill` does. */
  readonly #memory: Buffer | undefined;
  readonly #hashes: Uint8Array[] = [];
  readonly #failed: number[] = [];
  readonly #disowned: number[] = [];

  constructor(tools: ThreadTools, job: WriteJob) {
    this.#tools = tools;
    this.#job = job;
    const { memory } = job;
    this.#memory = memory && Buffer.from(memory.buffer, memory.byteOffset, memory.length);
  }

  write(): WriteAnswer {
    for (const run of this.#job.runs) this.#writeRun(run);
    const hashes = new Uint8Array(this.#hashes.length * HASH_BYTES);
    for (const [i, hash] of this.#hashes.entries()) hashes.set(hash, i * HASH_BYTES);
    return { hashes, failed: this.#failed, disowned: this.#disowned };
  }

  #writeRun(run: FrameRun): void {
    const bytes = this.#read(run);
    for (const frame of run.frames) {
      const blob = bytes && this.#open(bytes.subarray(frame.offset, frame.offset + frame.length), frame);
      // A bundle is taken apart once for all of its files.
      const slices =
        blob?.header.kind === BLOB_KINDS.bundle ? attempt(() => decodeBundle(blob.plaintext)) : [];
      for (const piece of frame.pieces) {
        const hash = blob && slices && attempt(() => this.#writePiece(piece, blob, slices));
        if (hash === undefined) this.#failed.push(this.#hashes.length);
        this.#hashes.push(hash ?? NO_HASH);
      }
    }
  }

  #read({ from, length }: FrameRun): Uint8Array | undefined {
    if ('bytes' in from) return from.bytes;
    const buffer = this.#tools.buffer(length);
    const { descriptor, offset } = from;
    return attempt(() => {
      for (let done = 0; done < length;) {
        const count = readSync(descriptor, buffer, done, length - done, offset + done);
        if (count === 0) return undefined;
        done += count;
      }
      return buffer.subarray(0, length);
    });
  }

  #open(frame: Uint8Array, { dedup }: FrameOrder): OpenedBlob | undefined {
    return attempt(() => this.#tools.opener.open(frame, dedup));
  }

  /** §10.5. @returns the piece's hash, or undefined where the file refers to the blob wrongly. */
  #writePiece(
    { slice, plaintextLength, length, into }: PieceOrder,
    { plaintext, hash, header: { kind } }: OpenedBlob,
    slices: readonly Uint8Array[],
  ): Uint8Array | undefined {
    const isBundle = kind === BLOB_KINDS.bundle;
    if (plaintext.length !== plaintextLength || isBundle !== (slice !== undefined)) return undefined;
    if (!isBundle && kind !== BLOB_KINDS.data && kind !== BLOB_KINDS.appKey) return undefined;
    const bytes = slice === undefined ? plaintext : slices[slice];
    if (bytes?.length !== length) return undefined;
    if ('path' in into) {
      if (!writeNewFile(into, bytes)) this.#disowned.push(this.#hashes.length);
    } else if ('inMemory' in into) {
      for (const { offset, start, end } of into.inMemory)
        this.#memory?.fill(bytes.subarray(start, end), offset, offset + end - start);
    } else {
      for (const { offset, start, end } of into.parts)
        writeFully(into.descriptor, bytes.subarray(start, end), offset);
    }
    return slice === undefined ? hash : crypto.sha256(bytes);
  }
}

const NO_HASH = new Uint8Array(HASH_BYTES);

/** @returns false where its owner could not be set. */
function writeNewFile({ path, attributes }: NewFile, bytes: Uint8Array): boolean {
  const descriptor = makeFile(systemPath(path));
  try {
    writeFully(descriptor, bytes, 0);
    return setFileAttributes(descriptor, attributes);
  } finally {
    closeSync(descriptor);
  }
}

function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch {
    return undefined;
  }
}
