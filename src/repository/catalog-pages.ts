/**
 * Which pages the last backup of a root had, and what the walk saw of their entries, as keyed digests: the part of the
 * catalog by which the next backup knows what did not change. It holds no name.
 */

import { decodeCbor, encodeCbor } from '../format/cbor.js';
import { fromHex, toHex } from '../format/bytes.js';
import { idFromBytes, idToBytes, type PackId, type PageId } from '../format/ids.js';
import { asArray, asBytes, asUint } from '../format/shape.js';
import type { Catalog } from './catalog.js';

/** A stored page and its length in bytes. */
export interface StoredPage {
  readonly id: PageId;
  readonly size: number;
}

/** What the entries of a page add up to. */
export interface PageTotals {
  readonly files: number;
  readonly directories: number;
  readonly others: number;
  readonly bytes: number;
}

/** A page of the last backup. */
export interface KnownPage {
  /** Keyed hash of its first path: where it begins. */
  readonly first: string;
  readonly entries: number;
  /** Keyed digest of all that the walk saw of its entries, as hex; '' where the page must not be taken over. */
  readonly digest: string;
  readonly page: StoredPage;
  /** Its content pages. */
  readonly children: readonly StoredPage[];
  /** The packs that hold what it refers to. */
  readonly packs: readonly PackId[];
  readonly totals: PageTotals;
  /** When the run began that read its files, milliseconds since 1970. */
  readonly startedAt: number;
}

/** A database of the last backup. */
export interface KnownDatabase {
  /** Keyed hash of its path. */
  readonly key: Uint8Array;
  readonly fingerprint: string;
  /** Where the page with its entry begins, as in {@link KnownPage}. */
  readonly first: string;
  /** What was counted of the tokens in it, as a backup wrote it down; empty where nothing was. */
  readonly tokens: string;
}

const STRUCTURE = 'the catalog';

/** Remembered pages and databases. Roots and paths are named by keyed hashes. */
export class PageCatalog {
  readonly #catalog: Catalog;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  /** The pages of a root's last backup, in order. */
  pagesOf(root: Uint8Array): readonly KnownPage[] {
    return this.#catalog
      .prepare<[Uint8Array], { page: Buffer }>('SELECT page FROM pages WHERE root = ? ORDER BY position')
      .all(root)
      .map(({ page }) => decodePage(page));
  }

  /** A database of the last backup. */
  database(key: Uint8Array): KnownDatabase | undefined {
    const row = this.#catalog
      .prepare<[Uint8Array], { fingerprint: string; first: string; tokens: string }>(
        'SELECT fingerprint, first, tokens FROM databases WHERE key = ?',
      )
      .get(key);
    return row && { key, ...row };
  }

  /** Replaces what is remembered of a root. */
  remember(root: Uint8Array, pages: readonly KnownPage[]): void {
    this.#catalog.transaction(() => {
      this.#catalog.prepare('DELETE FROM pages WHERE root = ?').run(root);
      const insert = this.#catalog.prepare('INSERT INTO pages (root, position, page) VALUES (?, ?, ?)');
      for (const [position, page] of pages.entries()) insert.run(root, position, encodePage(page));
    })();
  }

  /** Remembers databases. */
  rememberDatabases(databases: readonly KnownDatabase[]): void {
    this.#catalog.transaction(() => {
      const put = this.#catalog.prepare(
        'INSERT OR REPLACE INTO databases (key, fingerprint, first, tokens) VALUES (?, ?, ?, ?)',
      );
      for (const { key, fingerprint, first, tokens } of databases) put.run(key, fingerprint, first, tokens);
    })();
  }

  /** Forgets all pages: some that were remembered are gone from the storage. */
  forgetAll(): void {
    this.#catalog.exec('DELETE FROM pages; DELETE FROM databases');
  }
}

function encodePage({
  first,
  entries,
  digest,
  page,
  children,
  packs,
  totals,
  startedAt,
}: KnownPage): Uint8Array {
  const { files, directories, others, bytes } = totals;
  return encodeCbor([
    fromHex(first),
    entries,
    fromHex(digest),
    [page, ...children].map(({ id, size }) => [idToBytes(id), size]),
    packs.map(idToBytes),
    [files, directories, others, bytes],
    startedAt,
  ]);
}

function decodePage(bytes: Uint8Array): KnownPage {
  // Our own cache: a page of a database of terabytes has many children.
  const f = asArray(decodeCbor(bytes, STRUCTURE, Number.POSITIVE_INFINITY), STRUCTURE, 'a page', 7);
  const stored = asArray(f[3], STRUCTURE, 'stored pages').map((item): StoredPage => {
    const [id, size] = asArray(item, STRUCTURE, 'a stored page', 2);
    return {
      id: idFromBytes<PageId>(asBytes(id, STRUCTURE, 'id', 32)),
      size: asUint(size, STRUCTURE, 'size'),
    };
  });
  const [page, ...children] = stored;
  if (page === undefined) throw new RangeError('the catalog has a page without a page');
  const totals = asArray(f[5], STRUCTURE, 'totals', 4).map((item) => asUint(item, STRUCTURE, 'a total'));
  const [files = 0, directories = 0, others = 0, total = 0] = totals;
  return {
    first: toHex(asBytes(f[0], STRUCTURE, 'first')),
    entries: asUint(f[1], STRUCTURE, 'entries'),
    digest: toHex(asBytes(f[2], STRUCTURE, 'digest')),
    page,
    children,
    packs: asArray(f[4], STRUCTURE, 'packs').map((id) =>
      idFromBytes<PackId>(asBytes(id, STRUCTURE, 'pack', 32)),
    ),
    totals: { files, directories, others, bytes: total },
    startedAt: asUint(f[6], STRUCTURE, 'start'),
  };
}
