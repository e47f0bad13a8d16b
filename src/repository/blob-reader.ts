/** Reading blobs by id: ranges of packs, checked and opened by the engine. Implements §8.4 and §19.3 for readers. */

import { isNbakError, NbakError } from '../errors.js';
import type { BlobKind } from '../format/blob.js';
import type { BlobId } from '../format/ids.js';
import type { BlobEngine, FrameRequest, FrameResult } from './blob-engine.js';
import type { BlobCatalog, BlobPlace } from './catalog-blobs.js';
import { packName } from './object-names.js';
import type { Repository } from './open.js';
import { PackFiles } from './pack-files.js';

/** A blob that was opened. */
export interface ReadBlob {
  readonly plaintext: Uint8Array;
  readonly kind: BlobKind;
  /** SHA-256 of each piece (§10.5). */
  readonly pieces: readonly Uint8Array[];
}

/** Neighbouring frames are fetched together up to this many bytes. */
const MOST_RANGE_BYTES = 4 * 1024 * 1024;

interface Run {
  readonly pack: BlobPlace['pack'];
  readonly offset: number;
  length: number;
  readonly ids: BlobId[];
  readonly frames: FrameRequest[];
}

/** Reads and opens blobs of one repository. */
export class BlobReader {
  readonly #repository: Repository;
  readonly #catalog: BlobCatalog;
  readonly #engine: BlobEngine;

  constructor(repository: Repository, catalog: BlobCatalog, engine: BlobEngine) {
    this.#repository = repository;
    this.#catalog = catalog;
    this.#engine = engine;
  }

  /**
   * Opens blobs in the given order, in runs of neighbours; memory is bounded by what the caller asks for at once.
   *
   * @throws NbakError `OBJECT_MISSING`, `OBJECT_CORRUPT`, `BLOB_TAMPERED` … for the first blob that no place gives.
   */
  async *readAll(ids: readonly BlobId[]): AsyncGenerator<{ readonly id: BlobId; readonly blob: ReadBlob }> {
    for (const run of this.#runs(ids)) {
      const results = await this.#openRun(run);
      for (const [i, id] of run.ids.entries()) {
        const result = results?.[i];
        yield {
          id,
          blob: result !== undefined && !('error' in result) ? result : await this.#readAnywhere(id),
        };
      }
    }
  }

  /** The best place of a blob; {@link read} tries the others as well. */
  locate(id: BlobId): BlobPlace | undefined {
    return this.#catalog.locate(id)[0];
  }

  /** The best places of blobs, for those that have any; {@link read} tries the others as well. */
  locateAll(ids: Iterable<BlobId>): ReadonlyMap<BlobId, BlobPlace> {
    return this.#catalog.locateAll(ids);
  }

  /** The packs themselves, for who opens blobs in threads of its own and closes the packs then. */
  packFiles(): PackFiles {
    return new PackFiles(this.#repository.storage);
  }

  /** Opens one blob. */
  async read(id: BlobId): Promise<ReadBlob> {
    return this.#readAnywhere(id);
  }

  #runs(ids: readonly BlobId[]): readonly Run[] {
    const runs: Run[] = [];
    for (const id of ids) {
      const place = this.#catalog.locate(id)[0];
      if (place === undefined) throw missing(id);
      const last = runs.at(-1);
      const follows =
        last !== undefined && last.pack === place.pack && last.offset + last.length === place.offset;
      if (follows && last.length + place.length <= MOST_RANGE_BYTES) {
        last.ids.push(id);
        last.frames.push({ ...place, offset: last.length });
        last.length += place.length;
      } else {
        const { pack, offset, length } = place;
        runs.push({ pack, offset, length, ids: [id], frames: [{ ...place, offset: 0 }] });
      }
    }
    return runs;
  }

  async #openRun({ pack, offset, length, frames }: Run): Promise<readonly FrameResult[] | undefined> {
    try {
      const bytes = await this.#repository.storage.get(packName(pack), { offset, length });
      return bytes.length === length ? await this.#engine.open(bytes, frames) : undefined;
    } catch (error) {
      if (isNbakError(error, 'STORAGE_NOT_FOUND')) return undefined;
      throw error;
    }
  }

  /** §8.4: of several bytes for one id, any that verify. */
  async #readAnywhere(id: BlobId): Promise<ReadBlob> {
    let worst: NbakError = missing(id);
    for (const place of this.#catalog.locate(id)) {
      const { pack, offset, length } = place;
      const name = packName(pack);
      let bytes: Uint8Array;
      try {
        bytes = await this.#repository.storage.get(name, { offset, length });
      } catch (error) {
        if (!isNbakError(error, 'STORAGE_NOT_FOUND')) throw error;
        continue;
      }
      const [result] = await this.#engine.open(bytes, [{ ...place, offset: 0, length: bytes.length }]);
      if (result !== undefined && !('error' in result)) return result;
      if (result !== undefined) {
        worst = new NbakError(
          result.error.code,
          `Cannot open blob ${id} in ${name}: ${result.error.message}`,
          {
            details: { blob: id, object: name },
            hint: 'Run `nbak verify` to see what else is affected.',
          },
        );
      }
    }
    throw worst;
  }
}

function missing(id: BlobId): NbakError {
  return new NbakError('OBJECT_MISSING', `Blob ${id} is in no pack`, {
    details: { blob: id },
    hint: 'Run `nbak verify` to see which packs are missing; take them from another copy of the repository.',
  });
}
