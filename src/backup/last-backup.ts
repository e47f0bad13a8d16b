/** What is remembered of the last backup of each root, and what this one will be remembered by. */

import { concatBytes, utf8 } from '../format/bytes.js';
import type { PackId } from '../format/ids.js';
import { pathToBytes, type BytePath } from '../format/path.js';
import { BlobReader } from '../repository/blob-reader.js';
import type { Catalog } from '../repository/catalog.js';
import {
  PageCatalog,
  type KnownDatabase,
  type KnownPage,
  type PageTotals,
} from '../repository/catalog-pages.js';
import { PageReader } from '../repository/pages.js';
import { pageName } from '../repository/object-names.js';
import type { PackPlace } from '../repository/pack-writer.js';
import { readOwners } from '../source/owners.js';
import type { AppKeys } from './app-keys.js';
import { KnownTree } from './known-tree.js';
import type { BuiltPage } from './page-builder.js';
import type { PageJob } from './page-job.js';
import type { BackupRoot } from './scope.js';
import type { Session } from './session.js';

/** A page of this backup that waits for its packs to be known. */
interface NewPage extends Omit<KnownPage, 'packs'> {
  readonly places: ReadonlySet<PackPlace>;
}

/** The memory of one run. */
export class LastBackup {
  readonly #session: Session;
  readonly #pages: PageCatalog;
  readonly #reader: PageReader;
  readonly #startedAt: number;
  readonly #surroundings: string;
  readonly #appKeys: AppKeys;
  readonly #packs: ReadonlyMap<PackId, number>;
  readonly #trees = new Map<BackupRoot, KnownTree>();
  readonly #next = new Map<BackupRoot, (KnownPage | NewPage)[]>();
  readonly #databases: KnownDatabase[] = [];

  /** @param run - `startedAt` is when this run began, milliseconds since 1970. */
  constructor(
    session: Session,
    catalog: Catalog,
    { startedAt, appKeys }: { readonly startedAt: number; readonly appKeys: AppKeys },
  ) {
    this.#surroundings = readOwners().version + appKeys.version;
    this.#appKeys = appKeys;
    this.#session = session;
    this.#pages = new PageCatalog(catalog);
    this.#reader = readerOf(session);
    this.#startedAt = startedAt;
    this.#packs = session.catalog.packs();
  }

  /** The last backup of a root. */
  treeOf(root: BackupRoot): KnownTree {
    let tree = this.#trees.get(root);
    if (tree === undefined) {
      const { repository, keys, doomed } = this.#session;
      tree = new KnownTree({
        crypto: repository.crypto,
        digestKey: keys.digestKey,
        dedup: keys.dedup,
        reader: this.#reader,
        // §18.1: nothing new may rest on what is doomed.
        pages: this.#pages.pagesOf(this.#keyOf(root, '' as BytePath)).map((known) => {
          const isDoomed = [known.page, ...known.children].some(({ id }) => doomed.has(pageName(id)));
          return isDoomed ? { ...known, digest: '' } : known;
        }),
        packs: this.#packs,
        surroundings: this.#surroundings,
      });
      this.#trees.set(root, tree);
    }
    return tree;
  }

  /** Says whether a database is stored as it is now. */
  hasDatabase(root: BackupRoot, path: BytePath, fingerprint: string): boolean {
    // An empty fingerprint proves nothing (databaseFingerprint could not read the log).
    if (fingerprint === '') return false;
    const known = this.#pages.database(this.#keyOf(root, path));
    return (
      known?.fingerprint === fingerprint &&
      this.treeOf(root).holds(known.first) &&
      this.#appKeys.recall(this.#session, { root, path }, known.tokens)
    );
  }

  /** Takes a page of the last backup over. */
  keep(root: BackupRoot, known: KnownPage): void {
    this.#listOf(root).push(known);
    for (const pack of known.packs) this.#session.reusedPacks.add(pack);
  }

  /** Remembers a page of this backup; `places` are where what it refers to goes. */
  add(
    { root, listing, from, to, mayBeKept }: PageJob,
    { page, children }: BuiltPage,
    content: { readonly places: ReadonlySet<PackPlace>; readonly totals: PageTotals },
  ): void {
    const tree = this.treeOf(root);
    this.#listOf(root).push({
      first: tree.firstOf(listing.path(from)),
      entries: to - from,
      digest: mayBeKept ? tree.digestOf(listing, from, to) : '',
      page,
      children,
      startedAt: this.#startedAt,
      ...content,
    });
  }

  /** Remembers a database under the fingerprint that was taken before its pin. */
  addDatabase(job: PageJob, path: BytePath, fingerprint: string): void {
    if (fingerprint === '') return;
    const first = this.treeOf(job.root).firstOf(job.listing.path(job.from));
    const tokens = this.#appKeys.memoOf(this.#session, job.root, path);
    this.#databases.push({ key: this.#keyOf(job.root, path), fingerprint, first, tokens });
  }

  /** Writes down what this backup saw; call it when the backup is committed. */
  commit(): void {
    for (const [root, pages] of this.#next)
      this.#pages.remember(this.#keyOf(root, '' as BytePath), pages.flatMap(settled));
    this.#pages.rememberDatabases(this.#databases);
  }

  #listOf(root: BackupRoot): (KnownPage | NewPage)[] {
    let list = this.#next.get(root);
    if (list === undefined) this.#next.set(root, (list = []));
    return list;
  }

  #keyOf(root: BackupRoot, path: BytePath): Uint8Array {
    return cacheKey(this.#session, root, path);
  }
}

/** A page with the packs that it needs; nothing where one of them was not committed. */
function settled(page: KnownPage | NewPage): readonly KnownPage[] {
  if ('packs' in page) return [page];
  const { places, ...known } = page;
  const packs = new Set<PackId>();
  for (const { pack } of places) {
    if (pack === undefined) return [];
    packs.add(pack);
  }
  return [{ ...known, packs: [...packs] }];
}

/** By what the cache knows a path of a root: a keyed hash, 16 bytes. */
export function cacheKey({ repository, keys }: Session, root: BackupRoot, path: BytePath): Uint8Array {
  const message = concatBytes(PATH_LABEL, pathToBytes(root.path), Uint8Array.of(0), pathToBytes(path));
  return repository.crypto.hmacSha256(keys.digestKey, message).subarray(0, 16);
}

function readerOf(session: Session): PageReader {
  const { repository, catalog } = session;
  if (repository.names === 'plain') return new PageReader(repository);
  return new PageReader(repository, new BlobReader(repository, catalog, session.engine));
}

const PATH_LABEL = utf8('nbak/v2/catalog/path\0');
