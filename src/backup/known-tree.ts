/** The last backup of one root: which of its pages still hold, and what the entries of the others were. */

import type { CryptoProvider } from '../crypto/provider.js';
import { concatBytes, toHex, utf8 } from '../format/bytes.js';
import type { Entry } from '../format/entry.js';
import type { PackId } from '../format/ids.js';
import type { EntriesPage } from '../format/page.js';
import { comparePaths, pathToBytes, type BytePath } from '../format/path.js';
import { isNbakError } from '../errors.js';
import type { KnownPage } from '../repository/catalog-pages.js';
import { piecesOf, type BackedUpPiece } from '../repository/entries.js';
import type { PageReader } from '../repository/pages.js';
import type { Listing } from './listing.js';

/** An entry of the last backup. */
export interface KnownEntry {
  readonly entry: Entry;
  /** When the run began that read it, milliseconds since 1970. */
  readonly startedAt: number;
  /** Wherever they lie by now; a promise of them only where there are very many. */
  readonly pieces: () => readonly BackedUpPiece[] | Promise<readonly BackedUpPiece[]>;
}

/** What a known tree works with. */
export interface KnownTreeParts {
  readonly crypto: CryptoProvider;
  /** Keys what the catalog holds (§3.7). */
  readonly digestKey: Uint8Array;
  /** The number of the dedup secret in use: digests under another one are of no use. */
  readonly dedup: number;
  readonly reader: PageReader;
  readonly pages: readonly KnownPage[];
  /** Packs that are in storage. */
  readonly packs: ReadonlyMap<PackId, number>;
  /** What else pages depend on: the names of owners. */
  readonly surroundings: string;
}

/** The last backup of one root. */
export class KnownTree {
  readonly #parts: KnownTreeParts;
  readonly #byFirst: ReadonlyMap<string, number>;
  /** Pages before this one lie before everything that will be asked for. */
  #next = 0;
  #loaded: { readonly page: EntriesPage; readonly known: KnownPage } | undefined;

  constructor(parts: KnownTreeParts) {
    this.#parts = parts;
    this.#byFirst = new Map(parts.pages.map(({ first }, i) => [first, i]));
  }

  /** Keyed hash of a path, as the catalog names the beginning of a page. */
  firstOf(path: BytePath): string {
    return toHex(this.#mac(FIRST_LABEL, [pathToBytes(path)]));
  }

  /** Keyed digest of all that the walk saw of some entries. */
  digestOf(listing: Listing, from: number, to: number): string {
    return toHex(this.#mac(WALK_LABEL, listing.bytesOf(from, to)));
  }

  /** The page that begins with entry `from`, if all its entries are what they were and all its packs are there. */
  unchangedPage(listing: Listing, from: number): KnownPage | undefined {
    if (this.#byFirst.size === 0) return undefined;
    const index = this.#byFirst.get(this.firstOf(listing.path(from)));
    const known = index === undefined ? undefined : this.#parts.pages[index];
    if (known === undefined || known.digest === '' || from + known.entries > listing.length) return undefined;
    if (!this.#isReachable(known)) return undefined;
    return this.digestOf(listing, from, from + known.entries) === known.digest ? known : undefined;
  }

  /** Says whether the page that begins so was there, and everything that it refers to is in storage. */
  holds(first: string): boolean {
    const known = this.#parts.pages[this.#byFirst.get(first) ?? -1];
    return known !== undefined && this.#isReachable(known);
  }

  #isReachable({ packs }: KnownPage): boolean {
    return packs.every((pack) => this.#parts.packs.has(pack));
  }

  /** Says that what comes next lies behind this page. */
  pass(known: KnownPage): void {
    this.#next = Math.max(this.#next, (this.#byFirst.get(known.first) ?? -1) + 1);
    this.#loaded = undefined;
  }

  /** The entries of the last backup from `first` to `last`, by path. Ask in ascending order. */
  async entriesBetween(first: BytePath, last: BytePath): Promise<ReadonlyMap<BytePath, KnownEntry>> {
    const found = new Map<BytePath, KnownEntry>();
    for (;;) {
      this.#loaded ??= await this.#load();
      if (this.#loaded === undefined) return found;
      const { page, known } = this.#loaded;
      for (const entry of page.entries) {
        if (comparePaths(entry.path, first) < 0) continue;
        // The rest of this page is for the next question.
        if (comparePaths(entry.path, last) > 0) return found;
        const pieces = (): ReturnType<KnownEntry['pieces']> => piecesOf(this.#parts.reader, page, entry);
        found.set(entry.path, { entry, startedAt: known.startedAt, pieces });
      }
      this.#loaded = undefined;
    }
  }

  async #load(): Promise<{ readonly page: EntriesPage; readonly known: KnownPage } | undefined> {
    for (
      let known = this.#parts.pages[this.#next];
      known !== undefined;
      known = this.#parts.pages[this.#next]
    ) {
      this.#next += 1;
      try {
        for await (const page of this.#parts.reader.entriesPages([known.page.id])) {
          if (page.dedup === this.#parts.dedup) return { page, known };
        }
      } catch (error) {
        // It is gone or rotten: its files are read again, and `verify` says what happened to it.
        if (!isNbakError(error)) throw error;
      }
    }
    return undefined;
  }

  #mac(label: Uint8Array, parts: Iterable<Uint8Array>): Uint8Array {
    const { crypto, digestKey, surroundings } = this.#parts;
    const hash = crypto.startSha256();
    hash.update(utf8(surroundings));
    for (const part of parts) hash.update(part);
    return crypto.hmacSha256(digestKey, concatBytes(label, hash.digest()));
  }
}

const FIRST_LABEL = utf8('nbak/v2/catalog/first\0');
const WALK_LABEL = utf8('nbak/v2/catalog/walk\0');
