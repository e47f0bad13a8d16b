/** A file that grows by whole steps, written past the page cache where the file system lets us. */

import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { STEP_BYTES, type AlignedMemory } from './aligned-memory.js';
import { systemCode } from './storage-error.js';

/** What file systems say that have no `O_DIRECT`, or want other addresses than ours. */
const NOT_DIRECT: readonly string[] = ['EINVAL', 'EOPNOTSUPP', 'ENOTSUP'];

/**
 * Appends to a new file. Packs are read again in months, if ever: in the page cache they would take the place of what
 * applications are using, and copying them there costs more than writing them. Its methods throw system errors.
 */
export class GrowingFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #memory: AlignedMemory;
  /** The same file, opened with `O_DIRECT` for its whole steps; undefined before the first. */
  #direct: FileHandle | 'unavailable' | undefined;
  #step: Buffer | undefined;
  #filled = 0;
  #begun = 0;
  #writing: Promise<void> = Promise.resolve();

  /** @param handle of the file at `path`, which is empty; it is closed with this. */
  constructor(path: string, handle: FileHandle, memory: AlignedMemory) {
    this.#path = path;
    this.#handle = handle;
    this.#memory = memory;
  }

  /** Bytes appended. */
  get size(): number {
    return this.#begun + this.#filled;
  }

  /** Appends `bytes`, which are the caller's again when it resolves. That the disk failed is told to a later call. */
  async append(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      this.#step ??= this.#memory.take();
      const part = bytes.subarray(done, done + STEP_BYTES - this.#filled);
      // Out of shared memory V8's `set` copies byte by byte, six times as slowly.
      this.#step.fill(part, this.#filled, this.#filled + part.length);
      this.#filled += part.length;
      done += part.length;
      if (this.#filled === STEP_BYTES) await this.#beginStep();
    }
  }

  /** Makes all of it durable. */
  async sync(): Promise<void> {
    await this.#writing;
    // A part of a block goes through the page cache; no page of it holds bytes that were written past it.
    if (this.#step !== undefined)
      await writeAll(this.#handle, this.#step.subarray(0, this.#filled), this.#begun);
    await this.#handle.sync();
  }

  /** Closes it; what was not synced may be lost. */
  async close(): Promise<void> {
    await this.#writing.catch(() => undefined);
    if (this.#step !== undefined) this.#memory.give(this.#step);
    this.#step = undefined;
    if (typeof this.#direct === 'object') await this.#direct.close();
    await this.#handle.close();
  }

  async #beginStep(): Promise<void> {
    await this.#writing;
    const step = this.#step;
    if (step === undefined) return;
    const position = this.#begun;
    this.#begun += STEP_BYTES;
    this.#step = undefined;
    this.#filled = 0;
    this.#writing = this.#writeStep(step, position).finally(() => this.#memory.give(step));
    this.#writing.catch(() => undefined);
  }

  async #writeStep(step: Buffer, position: number): Promise<void> {
    try {
      this.#direct ??= await openDirect(this.#path);
      if (this.#direct !== 'unavailable') {
        await writeAll(this.#direct, step, position);
        return;
      }
    } catch (error) {
      if (!NOT_DIRECT.includes(systemCode(error))) throw error;
      if (typeof this.#direct === 'object') await this.#direct.close();
      this.#direct = 'unavailable';
    }
    await writeAll(this.#handle, step, position);
  }
}

async function openDirect(path: string): Promise<FileHandle | 'unavailable'> {
  // Absent on macOS and Windows, whatever the types say.
  const flag = constants.O_DIRECT as number | undefined;
  return flag === undefined ? 'unavailable' : open(path, constants.O_WRONLY | constants.O_NOFOLLOW | flag);
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}
