/** A file that grows by whole steps, written past the page cache where the file system lets us. */

import { open, type FileHandle } from 'node:fs/promises';
import { STEP_BYTES, type AlignedMemory } from './aligned-memory.js';
import { pastCache } from './past-cache.js';
import { systemCode } from './storage-error.js';

/** What file systems say that cannot write past a page cache after all, or want other addresses than ours. */
const NOT_DIRECT: readonly string[] = ['EINVAL', 'EOPNOTSUPP', 'ENOTSUP'];

/** Steps on their way to the disk at once: it goes on while this process is busy, and none waits for the one before. */
const MOST_WRITES = 3;

/**
 * Appends to a new file. Packs are read again in months, if ever: in the page cache they would take the place of what
 * applications are using, and copying them there costs more than writing them. Its methods throw system errors; each
 * is called when the one before has ended, but for `close`.
 */
export class GrowingFile {
  readonly #handle: FileHandle;
  readonly #memory: AlignedMemory;
  /** The same file, opened with `O_DIRECT` for its whole steps; undefined before the first. */
  #direct: FileHandle | 'unavailable' | undefined;
  /** False once the file system has refused a step that was to be written past its cache. */
  #takesDirect = true;
  #step: Buffer | undefined;
  #filled = 0;
  #begun = 0;
  readonly #writes = new Set<Promise<void>>();
  /** What the first write that failed threw. */
  #failure: { readonly error: unknown } | undefined;
  /** The call that is under way. */
  #busy: Promise<void> = Promise.resolve();
  #isClosed = false;

  private constructor(handle: FileHandle, memory: AlignedMemory) {
    this.#handle = handle;
    this.#memory = memory;
  }

  /** Creates an empty file of mode 0600 at `path`, where nothing is yet. */
  static async create(path: string, memory: AlignedMemory): Promise<GrowingFile> {
    return new GrowingFile(await open(path, 'wx', 0o600), memory);
  }

  /** Bytes appended. */
  get size(): number {
    return this.#begun + this.#filled;
  }

  /** Appends `bytes`, which are the caller's again when it resolves. That the disk failed is told to a later call. */
  append(bytes: Uint8Array): Promise<void> {
    return this.#do(() => this.#append(bytes));
  }

  /** Makes all of it durable; nothing is appended any more. */
  sync(): Promise<void> {
    return this.#do(() => this.#sync());
  }

  /** Closes it, when the call that is under way has ended; what was not synced may be lost. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#busy;
    await Promise.all(this.#writes);
    if (this.#step !== undefined) this.#memory.give(this.#step);
    this.#step = undefined;
    try {
      await this.#closeDirect();
    } finally {
      await this.#handle.close();
    }
  }

  #do(work: () => Promise<void>): Promise<void> {
    if (this.#isClosed) return Promise.reject(new TypeError('The file is closed'));
    const done = work();
    this.#busy = done.catch(() => undefined);
    return done;
  }

  async #append(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      this.#step ??= this.#memory.take();
      const part = bytes.subarray(done, done + STEP_BYTES - this.#filled);
      // Out of shared memory V8's `set` copies byte by byte, six times as slowly.
      this.#step.fill(part, this.#filled, this.#filled + part.length);
      this.#filled += part.length;
      done += part.length;
      if (this.#filled === STEP_BYTES) await this.#begin(this.#step);
    }
  }

  async #sync(): Promise<void> {
    await Promise.all(this.#writes);
    this.#assertWritten();
    if (typeof this.#direct === 'object') {
      // A file system of a user's process may keep what it was given by handle: each is asked for its own.
      await this.#direct.sync();
      await this.#closeDirect();
    }
    // Less than a step goes through the page cache; no page of it holds bytes that were written past it.
    if (this.#step !== undefined)
      await writeAll(this.#handle, this.#step.subarray(0, this.#filled), this.#begun);
    await this.#handle.sync();
  }

  async #begin(step: Buffer): Promise<void> {
    while (this.#writes.size >= MOST_WRITES) await Promise.race(this.#writes);
    this.#assertWritten();
    this.#direct ??= await openDirect(this.#handle);
    const writing = this.#writeStep(step, this.#begun)
      .catch((error: unknown) => void (this.#failure ??= { error }))
      .finally(() => {
        this.#writes.delete(writing);
        this.#memory.give(step);
      });
    this.#writes.add(writing);
    this.#begun += STEP_BYTES;
    this.#step = undefined;
    this.#filled = 0;
  }

  async #writeStep(step: Buffer, position: number): Promise<void> {
    if (typeof this.#direct === 'object' && this.#takesDirect) {
      try {
        await writeAll(this.#direct, step, position);
        return;
      } catch (error) {
        if (!NOT_DIRECT.includes(systemCode(error))) throw error;
        this.#takesDirect = false;
      }
    }
    await writeAll(this.#handle, step, position);
  }

  #assertWritten(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #closeDirect(): Promise<void> {
    const direct = this.#direct;
    this.#direct = 'unavailable';
    if (typeof direct === 'object') await direct.close();
  }
}

/** Opens a file once more. Whatever keeps us from it, there is a way that works. */
async function openDirect({ fd }: FileHandle): Promise<FileHandle | 'unavailable'> {
  const way = pastCache(fd);
  if (way === undefined) return 'unavailable';
  try {
    return await open(way.path, way.flags);
  } catch {
    return 'unavailable';
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}
