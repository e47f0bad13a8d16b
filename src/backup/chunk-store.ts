/** Units in, blobs out: has them loaded, deduplicates their chunks by tag, has what is new sealed, and packs it. */

import { isNbakError } from '../errors.js';
import type { BlobKind } from '../format/blob.js';
import type { BlobId, PackId } from '../format/ids.js';
import type { BlobCatalog } from '../repository/catalog-blobs.js';
import type { PackPlace, PackWriter } from '../repository/pack-writer.js';
import type { ThreadPool } from '../threads/thread-pool.js';
import {
  FRAMES_BYTES,
  type Loaded,
  type LoadedChunk,
  type SealedChunk,
  type SealingRequest,
  type SealingResponse,
  type Unit,
} from './sealing/protocol.js';

/** A chunk that is, or is about to be, in a pack. */
export interface StoredChunk {
  readonly id: BlobId;
  /** Frame length in bytes. */
  readonly length: number;
  readonly plaintextLength: number;
  readonly place: PackPlace;
}

/** A unit on its way. */
export interface StoringUnit {
  /** Settles when the unit was read, cut and hashed. */
  readonly loaded: Promise<Loaded>;
  /** Settles when its blobs have ids; they may not be in a pack yet. */
  readonly stored: Promise<readonly StoredChunk[]>;
}

type SealedTag = Omit<StoredChunk, 'plaintextLength'>;

/** Memory of one lane for one unit. */
interface Slot {
  readonly lane: number;
  readonly number: number;
  readonly frames: Uint8Array;
}

/** What a chunk store works with. */
export interface ChunkStoreParts {
  readonly pool: ThreadPool<SealingRequest, SealingResponse>;
  /** For each lane the memory of its slots. */
  readonly frames: readonly (readonly SharedArrayBuffer[])[];
  readonly catalog: BlobCatalog;
  readonly packs: PackWriter;
  /** The number of the dedup secret in use. */
  readonly dedup: number;
  /** Told of every pack that something was deduplicated against. */
  readonly onReuse: (pack: PackId) => void;
}

/** Memory for the frames of `slots` units in each of `lanes` lanes. */
export function framesMemory(lanes: number, slots: number): readonly (readonly SharedArrayBuffer[])[] {
  return Array.from({ length: lanes }, () =>
    Array.from({ length: slots }, () => new SharedArrayBuffer(FRAMES_BYTES)),
  );
}

/** Stores the units of one session. */
export class ChunkStore {
  readonly #parts: ChunkStoreParts;
  readonly #free: Slot[];
  readonly #waitingForSlot: ((slot: Slot) => void)[] = [];
  readonly #underWay = new Set<Promise<void>>();
  /** Tags sealed in this session whose pack is not committed: the catalog does not know them yet. */
  readonly #sealing = new Map<string, Promise<SealedTag>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(parts: ChunkStoreParts) {
    this.#parts = parts;
    // All first slots before all second ones: neighbouring units go to different threads.
    this.#free = parts.frames
      .flatMap((lane, laneNumber) =>
        lane.map((frames, number) => ({ lane: laneNumber, number, frames: new Uint8Array(frames) })),
      )
      .sort((a, b) => a.number - b.number);
  }

  /** Has the threads load before the first unit comes. */
  startThreads(): void {
    this.#parts.pool.start();
  }

  /** Sends a unit on its way; it waits for a free slot by itself. */
  store(unit: Unit): StoringUnit {
    const loaded = new Deferred<Loaded>();
    const stored = new Deferred<readonly StoredChunk[]>();
    const run = this.#process(unit, { loaded, stored }).catch((error: unknown) => {
      // A file that cannot be read is its reader's business; everything else ends the session.
      if (!isNbakError(error, 'SOURCE_UNREADABLE')) this.#failure ??= { error };
      loaded.reject(error);
      stored.reject(error);
    });
    this.#underWay.add(run);
    void run.finally(() => this.#underWay.delete(run));
    return { loaded: loaded.promise, stored: stored.promise };
  }

  /** Stores one chunk that is in memory. */
  async storeBytes(blobKind: BlobKind, bytes: Uint8Array): Promise<StoredChunk> {
    const [chunk] = await this.store({ kind: 'bytes', blobKind, bytes }).stored;
    if (chunk === undefined) throw new RangeError('a chunk was not stored');
    return chunk;
  }

  /** Resolves when there is a slot for another unit; call it between units. */
  async ready(): Promise<void> {
    while (this.#free.length === 0 && this.#failure === undefined) await Promise.race(this.#underWay);
    this.#assertSound();
  }

  /** Commits everything to packs. */
  async finish(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.race(this.#underWay);
    this.#assertSound();
    await this.#parts.packs.flush();
    this.#sealing.clear();
  }

  /** Called when a pack is committed: from now on the catalog knows its tags. */
  packCommitted(tags: readonly string[]): void {
    for (const tag of tags) this.#sealing.delete(tag);
  }

  async #process(
    unit: Unit,
    settle: { readonly loaded: Deferred<Loaded>; readonly stored: Deferred<readonly StoredChunk[]> },
  ): Promise<void> {
    const { pool, packs } = this.#parts;
    const slot = await this.#takeSlot();
    const fresh = new Map<number, Deferred<SealedTag>>();
    try {
      const load = { task: 'load', slot: slot.number, unit } as const;
      const loaded = (await pool.askLane(slot.lane, load)) as Loaded;
      settle.loaded.resolve(loaded);
      const { chunks } = loaded;
      const tags = this.#parts.catalog.together(() =>
        chunks.map((chunk, i) => this.#find(chunk) ?? this.#expect(chunk, i, fresh)),
      );
      // Not awaited: it may wait for another unit's seal, and this slot is wanted.
      Promise.all(tags).then(
        (known) =>
          settle.stored.resolve(known.map((tag, i) => ({ ...tag, plaintextLength: chunks[i]?.length ?? 0 }))),
        (error: unknown) => settle.stored.reject(error),
      );
      if (fresh.size === 0) return;
      const seal = { task: 'seal', slot: slot.number, indexes: [...fresh.keys()] } as const;
      const sealed = (await pool.askLane(slot.lane, seal)) as readonly SealedChunk[];
      const place: PackPlace = { pack: undefined };
      const blobs = sealed.map(({ index, id, length }) => {
        const { tag = '', kind = 1 } = chunks[index] ?? {};
        fresh.get(index)?.resolve({ id: id as BlobId, length, place });
        return { id: id as BlobId, tag, kind, length };
      });
      const end = blobs.reduce((sum, { length }) => sum + length, 0);
      await packs.add(slot.frames.subarray(0, end), blobs, place);
    } catch (error) {
      // Other units may be waiting for these chunks.
      for (const each of fresh.values()) each.reject(error);
      throw error;
    } finally {
      this.#giveBack(slot);
    }
  }

  /** A chunk that is stored already, or about to be. */
  #find({ tag, kind }: LoadedChunk): Promise<SealedTag> | undefined {
    const sealing = this.#sealing.get(`${kind}:${tag}`);
    if (sealing !== undefined) return sealing;
    const { catalog, dedup, onReuse } = this.#parts;
    const stored = catalog.findChunk(tag, kind, dedup);
    if (stored === undefined) return undefined;
    onReuse(stored.pack);
    const { id, length, pack } = stored;
    return Promise.resolve({ id, length, place: { pack } });
  }

  #expect(
    { tag, kind }: LoadedChunk,
    index: number,
    fresh: Map<number, Deferred<SealedTag>>,
  ): Promise<SealedTag> {
    const expected = new Deferred<SealedTag>();
    fresh.set(index, expected);
    this.#sealing.set(`${kind}:${tag}`, expected.promise);
    return expected.promise;
  }

  #takeSlot(): Promise<Slot> {
    const slot = this.#free.shift();
    if (slot !== undefined) return Promise.resolve(slot);
    return new Promise((resolve) => this.#waitingForSlot.push(resolve));
  }

  #giveBack(slot: Slot): void {
    const next = this.#waitingForSlot.shift();
    if (next === undefined) this.#free.push(slot);
    else next(slot);
  }

  #assertSound(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

/** A promise and its ends. */
class Deferred<T> {
  readonly promise: Promise<T>;
  resolve!: (value: T) => void;
  reject!: (error: unknown) => void;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Failures surface in ready() and finish() too: what nobody waits for must not end the process.
    this.promise.catch(() => undefined);
  }
}
