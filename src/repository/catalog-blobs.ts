/** Which blob lies where, and which chunk is there already: the part of the catalog that footers fill. */

import type { BlobKind } from '../format/blob.js';
import { fromHex } from '../format/bytes.js';
import { idFromBytes, idToBytes, type BlobId, type PackId } from '../format/ids.js';
import type { Footer } from '../format/pack.js';
import type { Catalog } from './catalog.js';

/** Where bytes for a blob lie. */
export interface BlobPlace {
  readonly pack: PackId;
  readonly offset: number;
  readonly length: number;
  /** SHA-256 that the bytes must have: the id, or that of a stand-in (§8.4). */
  readonly expected: string;
  readonly dedup: number;
}

/** A chunk that is stored already. */
export interface KnownChunk {
  readonly id: BlobId;
  readonly length: number;
  readonly pack: PackId;
}

interface PlaceRow {
  readonly pack: string;
  readonly offset: number;
  readonly length: number;
  readonly stand_in: Buffer | null;
  readonly dedup: number;
}

const NONE: ReadonlySet<BlobId> = new Set();

/** The view of packs and blobs in a catalog. Footers that enter were verified by the caller. */
export class BlobCatalog {
  readonly #catalog: Catalog;
  readonly #insertPack;
  readonly #insertBlob;
  readonly #places;
  readonly #byTag;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
    this.#insertPack = catalog.prepare<[string, number, number, number, number]>(
      'INSERT INTO packs (id, size, epoch, dedup, partial) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING',
    );
    this.#insertBlob = catalog.prepare<
      [number | bigint, number, number, number, Uint8Array, Uint8Array, Uint8Array | null]
    >('INSERT INTO blobs (pack, offset, length, kind, id, tag, stand_in) VALUES (?, ?, ?, ?, ?, ?, ?)');
    // §8.4: highest epoch and stand-ins first.
    this.#places = catalog.prepare<[Uint8Array], PlaceRow>(
      `SELECT p.id AS pack, b.offset, b.length, b.stand_in, p.dedup FROM blobs b JOIN packs p ON p.number = b.pack
       WHERE b.id = ? ORDER BY p.epoch DESC, b.stand_in IS NULL, p.number DESC`,
    );
    this.#byTag = catalog.prepare<[Uint8Array, number, number], { id: Buffer; length: number; pack: string }>(
      `SELECT b.id, b.length, p.id AS pack FROM blobs b JOIN packs p ON p.number = b.pack
       WHERE b.tag = ? AND b.kind = ? AND p.dedup = ? LIMIT 1`,
    );
  }

  /**
   * Enters a verified footer; a pack that is known already stays as it is.
   *
   * @param damaged - blobs whose bytes are known to be bad: nothing may be deduplicated against them.
   */
  addPack(pack: PackId, size: number, footer: Footer, damaged: ReadonlySet<BlobId> = NONE): void {
    this.together(() => {
      const { changes, lastInsertRowid } = this.#insertPack.run(
        pack,
        size,
        footer.epoch,
        footer.dedup,
        damaged.size > 0 ? 1 : 0,
      );
      if (changes === 0) return;
      let offset = 0;
      for (const { id, tag, kind, length, as } of footer.blobs) {
        const standIn = as === undefined ? null : fromHex(as);
        if (!damaged.has(id)) {
          this.#insertBlob.run(lastInsertRowid, offset, length, kind, idToBytes(id), fromHex(tag), standIn);
        }
        offset += length;
      }
    });
  }

  /** Does many things in one transaction: a lookup on its own spends half its time on taking and leaving locks. */
  together<T>(action: () => T): T {
    return this.#catalog.transaction(action)();
  }

  /** Forgets a pack that is gone or wrong. */
  dropPack(pack: PackId): void {
    this.together(() => {
      this.#catalog
        .prepare('DELETE FROM blobs WHERE pack = (SELECT number FROM packs WHERE id = ?)')
        .run(pack);
      this.#catalog.prepare('DELETE FROM packs WHERE id = ?').run(pack);
    });
  }

  /** Packs that were entered without their damaged blobs. */
  partialPacks(): readonly PackId[] {
    const rows = this.#catalog.prepare<[], { id: string }>('SELECT id FROM packs WHERE partial = 1').all();
    return rows.map(({ id }) => id as PackId);
  }

  /** All known packs with their sizes in bytes. */
  packs(): ReadonlyMap<PackId, number> {
    const rows = this.#catalog.prepare<[], { id: string; size: number }>('SELECT id, size FROM packs').all();
    return new Map(rows.map(({ id, size }) => [id as PackId, size]));
  }

  /** The places that hold bytes for a blob, best first. */
  locate(id: BlobId): readonly BlobPlace[] {
    return this.#places.all(idToBytes(id)).map(({ pack, offset, length, stand_in, dedup }) => ({
      pack: pack as PackId,
      offset,
      length,
      expected: stand_in === null ? id : idFromBytes<BlobId>(stand_in),
      dedup,
    }));
  }

  /** The best place of each blob that has one: in one transaction, which costs half of one for each. */
  locateAll(ids: Iterable<BlobId>): ReadonlyMap<BlobId, BlobPlace> {
    const places = new Map<BlobId, BlobPlace>();
    this.together(() => {
      for (const id of ids) {
        const [best] = this.locate(id);
        if (best !== undefined) places.set(id, best);
      }
    });
    return places;
  }

  /** A stored chunk of the same kind and tag under the same dedup secret. */
  findChunk(tag: string, kind: BlobKind, dedup: number): KnownChunk | undefined {
    const row = this.#byTag.get(fromHex(tag), kind, dedup);
    return row && { id: idFromBytes(row.id), length: row.length, pack: row.pack as PackId };
  }

  /** Says whether an index object was entered before. */
  hasIndex(name: string): boolean {
    return this.#catalog.prepare('SELECT 1 FROM indexes WHERE name = ?').get(name) !== undefined;
  }

  /** Remembers that an index object was entered. */
  addIndex(name: string): void {
    this.#catalog.prepare('INSERT INTO indexes (name) VALUES (?) ON CONFLICT DO NOTHING').run(name);
  }

  /** Forgets which index objects were entered, so that the next sync reads them again. */
  forgetIndexes(): void {
    this.#catalog.prepare('DELETE FROM indexes').run();
  }
}
