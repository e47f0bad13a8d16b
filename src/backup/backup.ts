/** One backup, from walk to manifest (DESIGN §2, §6, §8). */

import { NbakError } from '../errors.js';
import { compareBytes, toHex, utf8 } from '../format/bytes.js';
import { pathFromText, pathToText, type BytePath } from '../format/path.js';
import { lockSource } from '../repository/source-lock.js';
import type { Cut, ManifestDetail } from '../format/manifest.js';
import type { Catalog } from '../repository/catalog.js';
import { BlobCatalog } from '../repository/catalog-blobs.js';
import { ManifestCatalog } from '../repository/catalog-manifests.js';
import { PageCatalog } from '../repository/catalog-pages.js';
import { readDoomed } from '../repository/doom.js';
import { adoptLeftoverPacks, syncIndex } from '../repository/index-sync.js';
import type { UnlockedRepository } from '../repository/open.js';
import { AppKeys, type ListedAppKeys } from './app-keys.js';
import { commitBackup, VanishedError, type ManifestDraft } from './commit.js';
import { DatabaseMemory } from './database-memory.js';
import { seeDatabases, type DatabaseContext, type FoundDatabase, type SeenDatabases } from './databases.js';
import { cacheKey, LastBackup } from './last-backup.js';
import type { Problems } from './problems.js';
import { Progress } from './progress.js';
import type { BackupOptions, BackupResult } from './result.js';
import { interrupted } from './scan.js';
import { BackupScope, type BackupRoot } from './scope.js';
import { seeSource } from './see-source.js';
import { Session } from './session.js';
import { seeTree, writeTree } from './tree.js';
import type { TreeWriter } from './tree-writer.js';

/** How often a backup starts over because something it deduplicated against vanished. */
const MOST_ATTEMPTS = 3;

/**
 * Backs up.
 *
 * @remarks The manifest appears last and at once: a run that fails or is killed leaves a repository that is what it
 *   was, plus packs that the next run uses. Memory is bounded by threads × 16 MiB, plus some 100 bytes per entry
 *   for pages that wait for their packs. Files are opened and closed in this process, and closing a descriptor of a
 *   database drops every lock that the process has on it: an application that has its databases open itself backs up
 *   from another process, as `BackupManager` does.
 * @throws NbakError `SOURCE_NOT_FOUND`, `SPACE_INSUFFICIENT`, `INTERRUPTED`, a STORAGE code … What concerns single
 *   files is in the result.
 */
export async function backup(
  repository: UnlockedRepository,
  catalog: Catalog,
  options: BackupOptions,
): Promise<BackupResult> {
  const scope = new BackupScope(options.selection);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await attemptBackup(repository, catalog, { options, scope });
    } catch (error) {
      if (!(error instanceof VanishedError)) throw error;
      const blobs = new BlobCatalog(catalog);
      for (const pack of error.packs) blobs.dropPack(pack);
      new PageCatalog(catalog).forgetAll();
      if (attempt === MOST_ATTEMPTS) {
        throw new NbakError(
          'OBJECT_MISSING',
          'Objects keep vanishing from the repository while it is written to',
          {
            details: { attempts: attempt },
            hint: 'Find out what deletes them, then back up again.',
          },
        );
      }
    }
  }
}

async function attemptBackup(
  repository: UnlockedRepository,
  catalog: Catalog,
  run: { readonly options: BackupOptions; readonly scope: BackupScope },
): Promise<BackupResult> {
  const { options, scope } = run;
  const startedAt = Date.now();
  const blobs = new BlobCatalog(catalog);
  const doomed = await readDoomed(repository);
  const session = new Session(repository, blobs, { threads: options.threads, doomed });
  const isCatalogEmpty = blobs.packs().size === 0;
  const ending = new AbortController();
  const signal = AbortSignal.any([ending.signal, ...(options.signal ? [options.signal] : [])]);
  const locks: Disposable[] = [];
  const sights: SeenDatabases[] = [];
  try {
    for (const root of scope.roots) {
      const key = toHex(cacheKey(session, root, '' as BytePath));
      locks.push(lockSource(catalog, { key, path: pathToText(root.path) }));
    }
    const listed = await syncIndex(repository, blobs, doomed);
    session.adopt(await adoptLeftoverPacks(repository, blobs, { listed, packs: session.packChecker }));

    const progress = new Progress(options.onProgress);
    const appKeys = new AppKeys(scope);
    let memory = new LastBackup(session, catalog, { startedAt, appKeys });
    // Of a copy that an import reads, and in a catalog that ends with the process, nothing is worth remembering.
    const isForgotten = options.labels.origin !== undefined || catalog.memory;
    const databaseMemory = isForgotten ? undefined : new DatabaseMemory(session, catalog);
    const { databases, tree: seen } = await seeSource(scope, {
      signal,
      memory: databaseMemory,
      async see(found, signal) {
        progress.startDatabases();
        const context = { scope, options, memory, databaseMemory, progress, appKeys, signal };
        const seeing = seeDatabases(found, contextOf(session, context));
        // Where nothing is known all will be read: the threads load beside SQLite's process, and while this one walks.
        if (isCatalogEmpty) session.chunks.startThreads();
        const sight = await seeing;
        sights.push(sight);
        progress.enter('scanning');
        return sight;
      },
    });
    const { found } = seen;
    progress.expect(found);
    progress.enter('files');
    const parts = { session, scope, progress, appKeys, run: { databases, signal, startedAt } };
    let tree = await writeTree(seen, { ...parts, memory });
    const outcomes = await databases.stored;
    const damaged = damagedIn(outcomes);
    if (damaged.size > 0) {
      // They are stored as they lie there, sidecars and all, which the walk took for parts of a database.
      memory = new LastBackup(session, catalog, { startedAt, appKeys });
      const seenAgain = await seeTree(scope, { signal, asFiles: damaged });
      progress.startOver(seenAgain.found, storedBytesOf(outcomes));
      tree = await writeTree(seenAgain, { ...parts, memory });
    }
    const { problems, builder, writer } = tree;
    // From here on it is done sooner than undone.
    if (signal.aborted) throw interrupted();
    progress.enter('committing');
    await appKeys.countFiles(tree.found.listings);
    const listedKeys = await appKeys.list(session);
    const { origin, purpose } = options.labels;
    const time = origin?.time ?? databases.time ?? startedAt;
    const draft = { time, purpose, totals: writer.totals, ...blobsOf(listedKeys) };
    const detail = {
      ...detailOf(scope, options, { writer, problems, cut: databases.cut }),
      ...(listedKeys && { appKeys: listedKeys.rows }),
    };
    const { id, bytes } = await commitBackup(session, builder, {
      draft,
      detail,
      known: new ManifestCatalog(catalog, repository),
    });
    // The copy that an import reads is gone after it: nothing is worth remembering of it.
    if (origin === undefined) memory.commit();
    for (const root of scope.roots) databaseMemory?.rememberPaths(root, pathsBelow(root, found.databases));
    return {
      id,
      time,
      filesTotal: writer.totals.files,
      filesUnchanged: writer.content.filesUnchanged,
      directoriesTotal: writer.totals.directories,
      databases: found.databases.length,
      bytesTotal: writer.totals.bytes,
      bytesRead: progress.read,
      bytesAdded: session.bytesWritten + bytes,
      durationMs: Date.now() - startedAt,
      cut: databases.cut,
      torn: problems.torn,
      unreadable: problems.unreadable,
      damaged: problems.damaged,
      // Threads settle files as they have read them.
      tornLines: [...problems.tornLines].sort((a, b) => (a.path < b.path ? -1 : 1)),
      appKeys: listedKeys?.rows ?? [],
    };
  } finally {
    ending.abort();
    await Promise.allSettled(sights.map(({ stored }) => stored));
    await session.close();
    for (const lock of locks) lock[Symbol.dispose]();
  }
}

/** §11.2: absent where there are none. */
function blobsOf(keys: ListedAppKeys | undefined): Pick<ManifestDraft, 'appKeys'> {
  return keys === undefined || keys.blobs.length === 0 ? {} : { appKeys: keys.blobs };
}

function pathsBelow(root: BackupRoot, databases: readonly FoundDatabase[]): readonly BytePath[] {
  return databases.filter((database) => database.root === root).map(({ path }) => path);
}

type Outcomes = Awaited<SeenDatabases['stored']>;

function damagedIn(outcomes: Outcomes): ReadonlySet<string> {
  return new Set([...outcomes].filter(([, { outcome }]) => outcome === 'damaged').map(([path]) => path));
}

function storedBytesOf(outcomes: Outcomes): number {
  return [...outcomes.values()].reduce((sum, each) => sum + (each.outcome === 'stored' ? each.size : 0), 0);
}

function contextOf(
  session: Session,
  run: {
    readonly scope: BackupScope;
    readonly options: BackupOptions;
    readonly signal: AbortSignal;
    readonly memory: LastBackup;
    readonly databaseMemory: DatabaseMemory | undefined;
    readonly progress: Progress;
    readonly appKeys: AppKeys;
  },
): DatabaseContext {
  const { scope, options, signal, memory, databaseMemory, progress, appKeys } = run;
  return {
    chunks: session.chunks,
    options: { ...options, signal },
    appKeys,
    memory: databaseMemory,
    // A digest is keyed by the path below its root: a database under two roots is captured anew.
    isKnown: ({ root, path }, fingerprint) =>
      !scope.isShared(root, path) && memory.hasDatabase(root, path, fingerprint),
    onBytes(bytes) {
      if (signal.aborted) throw interrupted();
      progress.bytesRead(bytes);
    },
  };
}

function detailOf(
  scope: BackupScope,
  { labels }: BackupOptions,
  seen: { readonly writer: TreeWriter; readonly problems: Problems; readonly cut: Cut },
): ManifestDetail {
  return {
    host: labels.host,
    roots: scope.roots.map((root) => ({
      name: root.name,
      path: labels.origin === undefined ? root.path : pathFromText(labels.origin.path),
      entries: seen.writer.entriesOf(root),
    })),
    tags: [...new Set(labels.tags)].sort((a, b) => compareBytes(utf8(a), utf8(b))),
    profile: labels.profile ?? 'generic',
    scope: scope.recorded,
    cut: seen.cut,
    ...seen.problems.lists(),
    outside: labels.outside ?? [],
    writer: labels.writer,
  };
}
