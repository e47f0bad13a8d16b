/** A storage in memory: for tests, for browsers, and as the plainest reading of the contract. */

import { assertNamePrefix, assertWritableName, parseObjectName, type ObjectName } from './object-name.js';
import { storageError } from './storage-error.js';
import {
  clampRange,
  type ByteRange,
  type ForeignEntry,
  type ObjectInfo,
  type ObjectWriter,
  type Storage,
} from './storage.js';

/** Settings of {@link memoryStorage}. */
export interface MemoryStorageOptions {
  /** The storage's clock, milliseconds since 1970; default `Date.now`. */
  readonly now?: () => number;
}

/** An empty storage in memory. Objects vanish with it; "durable" holds for its lifetime only. */
export function memoryStorage(options: MemoryStorageOptions = {}): Storage {
  return new MemoryStorage(options.now ?? Date.now);
}

interface StoredObject {
  readonly bytes: Uint8Array;
  readonly modifiedMs: number;
}

const STREAM_STEP = 64 * 1024;

class MemoryStorage implements Storage {
  readonly description = 'memory';
  readonly #now: () => number;
  readonly #objects = new Map<ObjectName, StoredObject>();
  #closed = false;

  constructor(now: () => number) {
    this.#now = now;
  }

  // The methods await nothing, yet are async so that a throw becomes a rejection as the contract says.
  /* eslint-disable @typescript-eslint/require-await */

  async put(name: ObjectName, bytes: Uint8Array): Promise<void> {
    this.#assertOpen();
    assertWritableName(name);
    const existing = this.#objects.get(name);
    if (existing === undefined) this.#store(name, copyOf(bytes));
    else if (!sameBytes(existing.bytes, bytes)) throw this.#error('STORAGE_EXISTS', 'write', name);
  }

  async create(): Promise<ObjectWriter> {
    this.#assertOpen();
    return new MemoryWriter((name, bytes) => {
      this.#assertOpen();
      assertWritableName(name);
      const existing = this.#objects.get(name);
      if (existing === undefined) this.#store(name, bytes);
      else if (existing.bytes.length !== bytes.length) throw this.#error('STORAGE_EXISTS', 'write', name);
    });
  }

  async get(name: ObjectName, range?: ByteRange): Promise<Uint8Array> {
    const { bytes } = this.#find(name);
    const { offset, length } = clampRange(range, bytes.length);
    return bytes.slice(offset, offset + length);
  }

  async *read(name: ObjectName): AsyncGenerator<Uint8Array> {
    const { bytes } = this.#find(name);
    for (let at = 0; at < bytes.length; at += STREAM_STEP) yield bytes.slice(at, at + STREAM_STEP);
  }

  async stat(name: ObjectName): Promise<ObjectInfo | undefined> {
    this.#assertOpen();
    const found = this.#objects.get(parseObjectName(name));
    return found && { name, size: found.bytes.length, modifiedMs: found.modifiedMs };
  }

  async *list(prefix: string): AsyncGenerator<ObjectInfo> {
    this.#assertOpen();
    assertNamePrefix(prefix);
    for (const [name, { bytes, modifiedMs }] of this.#objects) {
      if (name.startsWith(prefix)) yield { name, size: bytes.length, modifiedMs };
    }
  }

  async *listForeign(): AsyncGenerator<ForeignEntry> {
    this.#assertOpen();
    yield* [];
  }

  async delete(name: ObjectName): Promise<void> {
    this.#assertOpen();
    this.#objects.delete(parseObjectName(name));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#objects.clear();
  }

  /* eslint-enable @typescript-eslint/require-await */

  #store(name: ObjectName, bytes: Uint8Array): void {
    this.#objects.set(name, { bytes, modifiedMs: this.#now() });
  }

  #find(name: ObjectName): StoredObject {
    this.#assertOpen();
    const found = this.#objects.get(parseObjectName(name));
    if (found === undefined) throw this.#error('STORAGE_NOT_FOUND', 'read', name);
    return found;
  }

  #error(code: 'STORAGE_EXISTS' | 'STORAGE_NOT_FOUND', operation: string, object: ObjectName): Error {
    return storageError(code, { operation, object, storage: this.description });
  }

  #assertOpen(): void {
    if (this.#closed) throw new TypeError('The storage is closed');
  }
}

/* eslint-disable @typescript-eslint/require-await -- as above */
class MemoryWriter implements ObjectWriter {
  readonly #store: (name: ObjectName, bytes: Uint8Array) => void;
  #parts: Uint8Array[] | undefined = [];

  constructor(store: (name: ObjectName, bytes: Uint8Array) => void) {
    this.#store = store;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#open().push(copyOf(bytes));
  }

  async commit(name: ObjectName): Promise<void> {
    const parts = this.#open();
    this.#parts = undefined;
    const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    this.#store(name, whole);
  }

  async abort(): Promise<void> {
    this.#parts = undefined;
  }

  #open(): Uint8Array[] {
    if (this.#parts === undefined) throw new TypeError('The writer was committed, aborted or has failed');
    return this.#parts;
  }
}
/* eslint-enable @typescript-eslint/require-await */

function copyOf(bytes: Uint8Array): Uint8Array {
  // Not slice(): that of a Buffer, which is a Uint8Array too, shares its memory.
  return new Uint8Array(bytes);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}
