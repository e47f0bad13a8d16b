/** Chunks in, blobs out: gathers chunks into segments, deduplicates them by tag, seals what is new and packs it. */

import type { BlobKind } from '../format/blob.js';
import type { BlobId, PackId } from '../format/ids.js';
import type { BlobEngine, SegmentChunk } from '../repository/blob-engine.js';
import type { BlobCatalog } from '../repository/catalog-blobs.js';
import type { PackWriter } from '../repository/pack-writer.js';

/** A chunk that is, or is about to be, in a pack. */
export interface StoredChunk {
  readonly id: BlobId;
  /** Frame length in bytes. */
  readonly length: number;
  readonly plaintextLength: number;
  /** SHA-256 of each piece (§10.5). */
  readonly pieces: readonly Uint8Array[];
}

/** Bytes of one segment: large enough that a message per segment costs nothing, small enough to keep few in memory. */
const SEGMENT_BYTES = 4 * 1024 * 1024;

interface OpenSegment {
  readonly bytes: Uint8Array;
  used: number;
  readonly chunks: SegmentChunk[];
  readonly waiting: ((chunk: StoredChunk) => void)[];
  readonly failing: ((error: unknown) => void)[];
}

interface SealedTag {
  readonly id: BlobId;
  readonly length: number;
}

/** What a chunk store works with. */
export interface ChunkStoreParts {
  readonly engine: BlobEngine;
  readonly catalog: BlobCatalog;
  readonly packs: PackWriter;
  /** The number of the dedup secret in use. */
  readonly dedup: number;
  /** Told of every pack that something was deduplicated against. */
  readonly onReuse: (pack: PackId) => void;
  /** Segments in flight at most; each takes some 4 MiB twice. */
  readonly mostInFlight: number;
}

/** Stores chunks of one session. */
export class ChunkStore {
  readonly #parts: ChunkStoreParts;
  #open: OpenSegment | undefined;
  readonly #inFlight = new Set<Promise<void>>();
  /** Tags sealed in this session whose pack is not committed: the catalog does not know them yet. */
  readonly #sealing = new Map<string, Promise<SealedTag>>();
  #packing: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;

  constructor(parts: ChunkStoreParts) {
    this.#parts = parts;
  }

  /**
   * Copies a chunk in. The promise settles once its blob is known, which may be only after {@link flush}.
   *
   * @param length - bytes of the chunk, 1 … 4 MiB.
   * @param fill - writes exactly `length` bytes into the array it is given.
   */
  add(kind: BlobKind, length: number, fill: (target: Uint8Array) => void): Promise<StoredChunk> {
    if (this.#open !== undefined && this.#open.used + length > this.#open.bytes.length) this.#dispatch();
    this.#open ??= {
      bytes: new Uint8Array(Math.max(SEGMENT_BYTES, length)),
      used: 0,
      chunks: [],
      waiting: [],
      failing: [],
    };
    const segment = this.#open;
    fill(segment.bytes.subarray(segment.used, segment.used + length));
    segment.chunks.push({ offset: segment.used, length, kind });
    segment.used += length;
    const stored = new Promise<StoredChunk>((resolve, reject) => {
      segment.waiting.push(resolve);
      segment.failing.push(reject);
    });
    // Failures surface in ready() and flush() too; a chunk nobody waits for must not end the process.
    stored.catch(() => undefined);
    return stored;
  }

  /** Resolves when another segment may be filled; call it between chunks. */
  async ready(): Promise<void> {
    while (this.#inFlight.size >= this.#parts.mostInFlight) await Promise.race(this.#inFlight);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Sends what was added on its way, so that its promises settle; does not wait for the packs. */
  async flush(): Promise<void> {
    this.#dispatch();
    while (this.#inFlight.size > 0) await Promise.race(this.#inFlight);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Commits everything to packs. */
  async finish(): Promise<void> {
    await this.flush();
    await this.#packing;
    await this.#parts.packs.flush();
    this.#sealing.clear();
  }

  /** Called when a pack is committed: from now on the catalog knows its tags. */
  packCommitted(tags: readonly string[]): void {
    for (const tag of tags) this.#sealing.delete(tag);
  }

  #dispatch(): void {
    const segment = this.#open;
    if (segment === undefined) return;
    this.#open = undefined;
    const run = this.#process(segment).catch((error: unknown) => {
      this.#failure ??= { error };
      for (const fail of segment.failing) fail(error);
    });
    this.#inFlight.add(run);
    void run.finally(() => this.#inFlight.delete(run));
  }

  async #process(segment: OpenSegment): Promise<void> {
    const { engine, catalog, packs, dedup, onReuse } = this.#parts;
    const { chunks, waiting } = segment;
    const { digests, seal } = await engine.digest({ bytes: segment.bytes, chunks });
    const settlers = new Map<
      number,
      { readonly done: (sealed: SealedTag) => void; readonly fail: (error: unknown) => void }
    >();
    const known: Promise<SealedTag>[] = digests.map(({ tag }, i) => {
      const kind = chunks[i]?.kind ?? 1;
      const key = `${kind}:${tag}`;
      const sealing = this.#sealing.get(key);
      if (sealing !== undefined) return sealing;
      const stored = catalog.findChunk(tag, kind, dedup);
      if (stored !== undefined) {
        onReuse(stored.pack);
        return Promise.resolve(stored);
      }
      const promise = new Promise<SealedTag>((done, fail) => settlers.set(i, { done, fail }));
      promise.catch(() => undefined);
      this.#sealing.set(key, promise);
      return promise;
    });
    const sealed = await seal([...settlers.keys()]).catch((error: unknown) => {
      // Other segments may be waiting for these chunks.
      for (const { fail } of settlers.values()) fail(error);
      throw error;
    });
    for (const { index, id, frame } of sealed) settlers.get(index)?.done({ id, length: frame.length });

    // One writer, in order: packs are filled by whichever segment comes first.
    const packing = this.#packing.then(async () => {
      for (const { index, id, frame } of sealed) {
        await packs.add({ id, frame, tag: digests[index]?.tag ?? '', kind: chunks[index]?.kind ?? 1 });
      }
    });
    this.#packing = packing.catch(() => undefined);
    await packing;
    for (const [i, promise] of known.entries()) {
      const { id, length } = await promise;
      waiting[i]?.({ id, length, plaintextLength: chunks[i]?.length ?? 0, pieces: digests[i]?.pieces ?? [] });
    }
  }
}
