/** One run that writes: its salt, keys, engine, packs and what it has written so far. Implements §3.4 and §17.2. */

import { gearTable } from '../chunking/gear.js';
import { currentDedup } from '../format/epoch-record.js';
import type { PackId } from '../format/ids.js';
import type { BlobEngine } from '../repository/blob-engine.js';
import type { BlobCatalog } from '../repository/catalog-blobs.js';
import { writeIndex } from '../repository/index-sync.js';
import type { UnlockedRepository } from '../repository/open.js';
import type { PackChecker } from '../repository/pack-check.js';
import { PackWriter, type WrittenPack } from '../repository/pack-writer.js';
import { createEngine } from '../repository/workers/index.js';
import { createPackChecker } from '../repository/workers/pack-checker.js';
import { keySchedule } from '../vault/key-schedule.js';
import { threadPool, type ThreadPool } from '../threads/thread-pool.js';
import { ChunkStore, framesMemory } from './chunk-store.js';
import type { SealingRequest, SealingResponse, SealingStart } from './sealing/protocol.js';
import { makeSealing } from './sealing/sealing.js';

/** §17.2: a crash must not lose more than this much indexing. */
const INDEX_EVERY_MS = 10 * 60 * 1000;

/**
 * Blobs of committed packs that wait to be entered into the catalog together: ids are random, so that each transaction
 * touches most pages of its indexes, however few it enters.
 */
const MOST_UNCATALOGUED = 4096;

/** Units that a thread works on by turns: while one is being written or decided on, the other is read or sealed. */
const SLOTS_PER_LANE = 2;

/** A session's keys beyond those of the engine. */
export interface SessionKeys {
  readonly digestKey: Uint8Array;
  readonly borderKey: Uint8Array;
  readonly gear: Int32Array;
  /** The number of the dedup secret in use. */
  readonly dedup: number;
}

/** A running session. */
export class Session {
  readonly repository: UnlockedRepository;
  readonly catalog: BlobCatalog;
  readonly keys: SessionKeys;
  /** Names of objects that prune announced to delete: nothing new may rest on them (§18.1). */
  readonly doomed: ReadonlySet<string>;
  readonly chunks: ChunkStore;
  /** For leftover packs before the run. */
  readonly packChecker: PackChecker;
  /** Packs that this backup reaches and that were there before. */
  readonly reusedPacks = new Set<PackId>();
  /** Packs that this session wrote, with their sizes in bytes. */
  readonly ownPacks = new Map<PackId, number>();
  /** Bytes of index objects written. */
  indexBytes = 0;
  readonly #makeEngine: () => BlobEngine;
  #engine: BlobEngine | undefined;
  readonly #pool: ThreadPool<SealingRequest, SealingResponse>;
  readonly #packs: PackWriter;
  /** Committed packs that the catalog does not know yet. */
  #uncatalogued: WrittenPack[] = [];
  #unindexed: Uint8Array[] = [];
  #indexing: Promise<void> = Promise.resolve();
  #lastIndexAt = Date.now();

  constructor(
    repository: UnlockedRepository,
    catalog: BlobCatalog,
    run: { readonly threads: number; readonly doomed: ReadonlySet<string> },
  ) {
    const { threads, doomed } = run;
    const { crypto, secrets, id } = repository;
    const schedule = keySchedule(crypto, id);
    const current = currentDedup(secrets);
    const markKey = schedule.markKey(current.secret);
    // §3.4: a fresh salt per run, so that a retry or a cloned machine never shares a key with another run.
    const session = crypto.randomBytes(16);
    this.repository = repository;
    this.doomed = doomed;
    this.catalog = catalog;
    this.keys = {
      digestKey: schedule.digestKey(current.secret),
      borderKey: schedule.borderKey(secrets.chunkerKey),
      gear: gearTable(schedule.gearBytes(secrets.chunkerKey)),
      dedup: current.number,
    };
    const blobs = { repository: id, epoch: secrets.epoch, root: secrets.root, dedup: secrets.dedup };
    this.#makeEngine = () => createEngine(crypto, threads, { blobs });
    const frames = framesMemory(Math.max(1, threads), SLOTS_PER_LANE);
    this.#pool = threadPool({
      threads,
      module: new URL('./sealing/thread.js', import.meta.url),
      makeHandler: makeSealing,
      startOf: (lane): SealingStart => ({
        blobs,
        session,
        lane,
        digestKey: this.keys.digestKey,
        markKey,
        gear: this.keys.gear,
        frames: frames[lane] ?? [],
      }),
    });
    this.packChecker = createPackChecker(threads);
    this.#packs = new PackWriter(repository, session, (pack) => this.#onPack(pack));
    this.chunks = new ChunkStore({
      pool: this.#pool,
      frames,
      catalog,
      packs: this.#packs,
      dedup: current.number,
      onReuse: (pack) => this.reusedPacks.add(pack),
    });
  }

  /** Bytes written so far: packs and index objects. */
  get bytesWritten(): number {
    return this.#packs.written + this.indexBytes;
  }

  /** What opens blobs: for sealed pages of the last backup. Most runs need none. */
  get engine(): BlobEngine {
    this.#engine ??= this.#makeEngine();
    return this.#engine;
  }

  /** Takes over footers that are in no index object, to be written with the next one. */
  adopt(signedFooters: readonly Uint8Array[]): void {
    this.#unindexed.push(...signedFooters);
  }

  /** Commits all chunks to packs, and all packs to index objects. */
  async finishPacks(): Promise<void> {
    await this.chunks.finish();
    // Nothing is stored any more, and threads take some time to end. A failure is met when the session is closed.
    this.#pool.close().catch(() => undefined);
    await this.#indexing;
    await this.#writeIndex();
  }

  /** Frees what is held; half-written packs are dropped. */
  async close(): Promise<void> {
    try {
      await this.#packs.abort();
      await this.#indexing.catch(() => undefined);
      this.#enterLeftPacks();
    } finally {
      // Threads that live on would keep the process alive.
      await Promise.all([this.packChecker.close(), this.#pool.close(), this.#engine?.close()]);
    }
  }

  #onPack(pack: WrittenPack): void {
    this.ownPacks.set(pack.id, pack.size);
    this.#uncatalogued.push(pack);
    const blobs = this.#uncatalogued.reduce((sum, { footer }) => sum + footer.blobs.length, 0);
    if (blobs >= MOST_UNCATALOGUED) this.#enterPacks();
    this.#unindexed.push(pack.signedFooter);
    if (Date.now() - this.#lastIndexAt < INDEX_EVERY_MS) return;
    this.#indexing = this.#indexing.then(() => this.#writeIndex());
    // `finishPacks` meets a failure; nobody may before, or where the backup ends for another reason.
    this.#indexing.catch(() => undefined);
  }

  #enterPacks(): void {
    const packs = this.#uncatalogued;
    this.#uncatalogued = [];
    this.catalog.together(() => {
      for (const { id, size, footer } of packs) this.catalog.addPack(id, size, footer);
    });
    for (const { footer } of packs)
      this.chunks.packCommitted(footer.blobs.map(({ kind, tag }) => `${kind}:${tag}`));
  }

  /** Of a backup that failed: they are stored, and the next one need not look for them. */
  #enterLeftPacks(): void {
    try {
      this.#enterPacks();
    } catch {
      // It is a cache; what is to be told is what ended the backup.
    }
  }

  async #writeIndex(): Promise<void> {
    const footers = this.#unindexed;
    this.#unindexed = [];
    this.#lastIndexAt = Date.now();
    const writing = writeIndex(this.repository, this.catalog, footers);
    // Entering takes this thread while the storage takes the object.
    const [bytes] = await Promise.all([writing, Promise.resolve().then(() => this.#enterPacks())]);
    this.indexBytes += bytes;
  }
}
