/**
 * The contract of a storage: the dumb place of named, write-once byte objects under a repository
 * (DESIGN §4.10, §8). test/contract/storage.contract.ts holds every implementation to these sentences.
 */

import type { ObjectName } from './object-name.js';

export { isObjectName, parseObjectName, TEMPORARY_PREFIX } from './object-name.js';
export type { ObjectName } from './object-name.js';

/** What a storage knows of an object without reading it. */
export interface ObjectInfo {
  readonly name: ObjectName;
  /** Bytes. */
  readonly size: number;
  /** When its last byte was written, in milliseconds since 1970 by the *storage's* clock, which may not be ours. */
  readonly modifiedMs: number;
}

/** Something that lies in the storage and is no object: a bad name, a link, a socket, a foreign folder. */
export interface ForeignEntry {
  /** Where, for messages; not a name to ask for: control characters are replaced, folders end in '/'. */
  readonly name: string;
}

/** A part of an object. */
export interface ByteRange {
  /** First byte; a safe integer ≥ 0. */
  readonly offset: number;
  /** Number of bytes; a safe integer ≥ 0. */
  readonly length: number;
}

/**
 * A new object whose name is known only at its end. Calls on one writer do not overlap; several writers may be
 * open at once. After a `write` or `commit` rejected, only `abort` is left. Use after `commit` or `abort`,
 * except for `abort`, is a TypeError.
 */
export interface ObjectWriter {
  /**
   * Appends `bytes`, which the caller may change once the promise resolves and not before. They may still be on their
   * way then: that they did not arrive is told to a later call, at the latest to `commit`.
   */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Makes the object appear as `name`, whole and durable, as {@link Storage.put} does. If the name is taken
   * by an object of the same size, the new bytes are dropped and the call succeeds (names are hashes of
   * content, and reading packs back is dear); by one of another size: STORAGE_EXISTS.
   */
  commit(name: ObjectName): Promise<void>;
  /** Drops everything written. Repeated calls, and calls after `commit`, do nothing, so it fits a `finally`. */
  abort(): Promise<void>;
}

/** An object's bytes as a file of this machine: for threads that read it at their own pace, without copies between. */
export interface ObjectFile {
  /** A file descriptor, open for reading at positions. */
  readonly descriptor: number;
  /** Bytes. */
  readonly size: number;
  close(): void;
}

/**
 * A storage.
 *
 * **Names.** Only well-formed {@link ObjectName}s; others reject with PATH_UNSAFE and touch nothing. A name is
 * never also the folder of another one (`a` and `a/b`); callers see to that. Objects under `tmp/` are the
 * storage's own, half-written: they can be listed, read and deleted, and not put.
 *
 * **Atomic.** An object is absent or whole, for every reader in every process, at every moment and after a
 * crash. Half-written bytes are visible under `tmp/` or not at all.
 *
 * **Durable.** What `put`, `commit` or `delete` did before it resolved survives a power failure.
 *
 * **Ordered.** A call sees the effect of every call that had resolved before it began, so "packs before the
 * manifest" needs nothing but `await`. Calls under way at the same time are in no order.
 *
 * **Write-once.** No call changes the bytes under a name. Two writers of one name: one object stays, and a
 * writer with other bytes is told STORAGE_EXISTS.
 *
 * **Buffers.** Bytes passed in belong to the storage until the promise settles, then to the caller again.
 * Bytes from `get` belong to the caller; those from `read` are valid until the next step.
 *
 * **After a failure** the effect may or may not have happened; every call may be repeated, and a repeated
 * `put` or `delete` that already took effect succeeds.
 *
 * **Errors** are NbakErrors that name operation and object: STORAGE_NOT_FOUND, STORAGE_EXISTS, STORAGE_DENIED
 * (access, read-only), STORAGE_FULL (space, quota), STORAGE_FAILED (everything else, among it something in an
 * object's place that is no object); the foreign error is the `cause`. Storages do not retry.
 */
export interface Storage {
  /** What it is, for messages: kind and place, no secrets. */
  readonly description: string;
  /**
   * Stores a small object. If the name is taken by the same bytes, nothing is written and the call succeeds.
   *
   * @throws NbakError STORAGE_EXISTS if the name is taken by other bytes.
   */
  put(name: ObjectName, bytes: Uint8Array): Promise<void>;
  /** Begins a large object, which takes memory for one `write` and a little more where the storage is not memory itself. */
  create(): Promise<ObjectWriter>;
  /**
   * The object's bytes, or those of `range` that exist: a range beyond the end gives fewer bytes or none, and
   * the caller compares the length. Never allocates more than the object has, nor more than the range; who does
   * not trust the size gives a range.
   *
   * @throws NbakError STORAGE_NOT_FOUND; RangeError for a malformed range.
   */
  get(name: ObjectName, range?: ByteRange): Promise<Uint8Array>;
  /**
   * Streams an object in order and in bounded memory; leaving the loop early frees what is open.
   *
   * @throws NbakError STORAGE_NOT_FOUND, on the first step.
   */
  read(name: ObjectName): AsyncIterable<Uint8Array>;
  /**
   * The object as an open file, where the storage's objects are files; the caller closes it.
   *
   * @throws NbakError STORAGE_NOT_FOUND.
   */
  openFile?(name: ObjectName): Promise<ObjectFile>;
  /** Facts of one object, undefined if it is absent. */
  stat(name: ObjectName): Promise<ObjectInfo | undefined>;
  /**
   * All objects whose name begins with `prefix` ('' for all, `tmp/` included), in any order. Objects that exist
   * throughout are given exactly once; those that come or go meanwhile may be given or not.
   */
  list(prefix: string): AsyncIterable<ObjectInfo>;
  /** Everything that `list('')` cannot name, so that a verifier can. A foreign folder is one entry. */
  listForeign(): AsyncIterable<ForeignEntry>;
  /** Removes an object; an absent one is fine. */
  delete(name: ObjectName): Promise<void>;
  /** Bytes that this user may still write, where the storage can tell. */
  freeSpace?(): Promise<number>;
  /** Aborts open writers and frees what is held. May be repeated; any other call afterwards is a TypeError. */
  close(): Promise<void>;
}

/**
 * The part of an object of `size` bytes that `range` covers, as begin and length.
 *
 * @throws RangeError if offset or length is not a safe integer ≥ 0.
 */
export function clampRange(range: ByteRange | undefined, size: number): ByteRange {
  if (range === undefined) return { offset: 0, length: size };
  for (const value of [range.offset, range.length]) {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`Malformed byte range: ${value}`);
  }
  const offset = Math.min(range.offset, size);
  return { offset, length: Math.min(range.length, size - offset) };
}
