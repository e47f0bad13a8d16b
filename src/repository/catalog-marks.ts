/**
 * Sealed tables (§3.12), by place: the marks of a database's chunks, and under the place of a root where its databases
 * are. The part of the catalog that spares hashing and walking.
 */

import type { Catalog } from './catalog.js';

/** A table that nothing replaced for so long is that of a database that is gone, or hardly ever changes. */
const KEPT_DAYS = 90;
const DAY_MS = 24 * 60 * 60 * 1000;

/** Remembered tables. */
export class MarkCatalog {
  readonly #catalog: Catalog;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  /** The table of a place, as it was sealed. */
  tableOf(place: Uint8Array): Uint8Array | undefined {
    return this.#catalog
      .prepare<[Uint8Array], { sealed: Buffer }>('SELECT sealed FROM marks WHERE place = ?')
      .get(place)?.sealed;
  }

  /** Replaces the table of a place, and drops those that are old. */
  remember(place: Uint8Array, sealed: Uint8Array): void {
    const today = Math.floor(Date.now() / DAY_MS);
    this.#catalog.transaction(() => {
      this.#catalog.prepare('DELETE FROM marks WHERE day < ?').run(today - KEPT_DAYS);
      this.#catalog
        .prepare('INSERT OR REPLACE INTO marks (place, day, sealed) VALUES (?, ?, ?)')
        .run(place, today, sealed);
    })();
  }
}
