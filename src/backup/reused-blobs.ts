/** Blobs of the last backup that this one refers to: each is looked up once. */

import type { BlobId } from '../format/ids.js';
import type { BackedUpPiece } from '../repository/entries.js';
import type { PackPlace } from '../repository/pack-writer.js';
import { sliceOf, type ContentPiece } from './content.js';
import type { Session } from './session.js';

/** Finds where they lie. */
export class ReusedBlobs {
  readonly #session: Session;
  /** Of those that are there. */
  readonly #places = new Map<BlobId, PackPlace>();

  constructor(session: Session) {
    this.#session = session;
  }

  /** Pieces with the packs that they lie in; undefined where one of them is in none any more. */
  placed(pieces: readonly BackedUpPiece[]): readonly ContentPiece[] | undefined {
    const placed: ContentPiece[] = [];
    for (const { blob, slice } of pieces) {
      const { id, length, plaintextLength } = blob;
      const place = this.#placeOf(id);
      if (place === undefined) return undefined;
      const whole = { id, length, plaintextLength, place };
      placed.push(slice === undefined ? whole : sliceOf(whole, slice));
    }
    return placed;
  }

  #placeOf(id: BlobId): PackPlace | undefined {
    const known = this.#places.get(id);
    if (known !== undefined) return known;
    const pack = this.#session.catalog.locate(id)[0]?.pack;
    if (pack === undefined) return undefined;
    const place: PackPlace = { pack };
    this.#session.reusedPacks.add(pack);
    this.#places.set(id, place);
    return place;
  }
}
