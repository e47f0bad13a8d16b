/** The heads that a verifier saw, so that what is taken back is noticed (§12.2). */

import type { BackupId } from '../format/ids.js';
import type { Catalog } from './catalog.js';

/** A remembered head. */
export interface RememberedHead {
  readonly id: BackupId;
  readonly sequence: number;
}

/** Remembers heads per pinned key. */
export class HeadCatalog {
  readonly #catalog: Catalog;
  readonly #pin: string;

  /** @param pin - the pinned verification key, as text. */
  constructor(catalog: Catalog, pin: string) {
    this.#catalog = catalog;
    this.#pin = pin;
  }

  /** The heads of the last look. */
  remembered(): readonly RememberedHead[] {
    return this.#catalog
      .prepare<[string], { id: string; sequence: number }>(
        'SELECT id, sequence FROM heads WHERE pin = ? ORDER BY sequence',
      )
      .all(this.#pin)
      .map(({ id, sequence }) => ({ id: id as BackupId, sequence }));
  }

  /** Replaces what is remembered by the heads of a look that found no manifest taken back. */
  remember(heads: readonly RememberedHead[]): void {
    // Most looks find what the last one found, and a write is synced to disk.
    if (isSame(heads, this.remembered())) return;
    this.#catalog.transaction(() => {
      this.#catalog.prepare('DELETE FROM heads WHERE pin = ?').run(this.#pin);
      const insert = this.#catalog.prepare('INSERT INTO heads (pin, id, sequence) VALUES (?, ?, ?)');
      for (const { id, sequence } of heads) insert.run(this.#pin, id, sequence);
    })();
  }
}

function isSame(heads: readonly RememberedHead[], others: readonly RememberedHead[]): boolean {
  const known = new Map(others.map(({ id, sequence }) => [id, sequence]));
  return heads.length === known.size && heads.every(({ id, sequence }) => known.get(id) === sequence);
}
