/** Copies of whole repositories, so that every attack starts from the same untouched objects. */

import { memoryStorage } from '#nbak/storage/memory.js';
import type { ObjectName, Storage } from '#nbak/storage/storage.js';

/** Every object of a repository by name. */
export type Snapshot = ReadonlyMap<ObjectName, Uint8Array>;

/** All objects of a storage. */
export async function snapshotOf(storage: Storage): Promise<Snapshot> {
  const objects = new Map<ObjectName, Uint8Array>();
  for await (const { name } of storage.list('')) objects.set(name, await storage.get(name));
  return objects;
}

/** A storage in memory with the objects of a snapshot. */
export async function storageWith(snapshot: Snapshot): Promise<Storage> {
  const storage = memoryStorage();
  for (const [name, bytes] of snapshot) await storage.put(name, bytes);
  return storage;
}

/** The snapshot with one object replaced, or without it. */
export function withObject(snapshot: Snapshot, name: ObjectName, bytes: Uint8Array | undefined): Snapshot {
  const changed = new Map(snapshot);
  if (bytes === undefined) changed.delete(name);
  else changed.set(name, bytes);
  return changed;
}

/** Objects whose name begins with `prefix`. */
export function objectsUnder(snapshot: Snapshot, prefix: string): readonly [ObjectName, Uint8Array][] {
  return [...snapshot].filter(([name]) => name.startsWith(prefix));
}

/** The only object whose name begins with `prefix`. */
export function onlyObject(snapshot: Snapshot, prefix: string): readonly [ObjectName, Uint8Array] {
  const found = objectsUnder(snapshot, prefix);
  const [first] = found;
  if (first === undefined || found.length > 1) throw new Error(`${found.length} objects under ${prefix}`);
  return first;
}

/** Bytes of all objects together. */
export function totalBytes(snapshot: Snapshot): number {
  return [...snapshot.values()].reduce((sum, bytes) => sum + bytes.length, 0);
}
