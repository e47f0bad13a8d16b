/** What is in each file: taken over from the last backup, stored now, or listed as a problem. */

import { WHOLE_FILE_BYTES } from '../chunking/sizes.js';
import { NbakError } from '../errors.js';
import { BLOB_KINDS, type BlobKind } from '../format/blob.js';
import { ENTRY_FLAGS } from '../format/entry.js';
import type { BytePath } from '../format/path.js';
import type { PageTotals } from '../repository/catalog-pages.js';
import { holeBytes } from '../source/holes.js';
import { isUnchanged, looksUnchanged } from '../source/unchanged.js';
import type { SeenEntry } from '../source/entry.js';
import type { AppKeys } from './app-keys.js';
import { BundleQueue } from './bundle-queue.js';
import { isBundled, type Bundler, type SmallFile } from './bundler.js';
import type { StoredChunk, StoringUnit } from './chunk-store.js';
import { VanishedError } from './commit.js';
import { type DatabaseOutcome, type SeenDatabase, type SeenDatabases } from './databases.js';
import { sliceOf, type Content } from './content.js';
import { EntryWriter, extraOf, seenOf, type Place } from './entry-writer.js';
import type { KnownEntry } from './known-tree.js';
import { storeLargeFile } from './large-file.js';
import type { LastBackup } from './last-backup.js';
import type { Problems } from './problems.js';
import type { Progress } from './progress.js';
import { toLatin1 } from '../source/sqlite/header.js';
import { looksLikeDatabase } from '../source/sqlite/looks-like-database.js';
import { ReusedBlobs } from './reused-blobs.js';
import { interrupted } from './scan.js';
import type { BackupRoot, BackupScope } from './scope.js';
import { unpackFile, type ReadFile } from './sealing/read-files.js';
import type { Session } from './session.js';

/** What a content writer works with. */
export interface ContentParts {
  readonly session: Session;
  readonly memory: LastBackup;
  readonly scope: BackupScope;
  readonly problems: Problems;
  readonly progress: Progress;
  readonly appKeys: AppKeys;
  readonly run: {
    readonly databases: SeenDatabases;
    readonly signal: AbortSignal;
    /** Milliseconds since 1970. */
    readonly startedAt: number;
  };
}

/** An entry whose content is to be found. */
interface Begun extends Place {
  readonly before: KnownEntry | undefined;
  readonly bundler: Bundler<BundledFile>;
}

/** A small file on its way into a bundle. */
export interface BundledFile extends SmallFile {
  readonly begun: Begun;
  readonly flags: number;
  /** Its content of the last backup, where it still holds. */
  readonly kept: Content | undefined;
}

/** Units that are sent while databases are being stored: those are held as they are, which may hold up their writers. */
const MOST_EARLY = 8;

/** Large files under way at once: each is read stretch by stretch, so one alone would not keep two threads busy. */
const MOST_LARGE = 3;

/** Bundles that a group's files may lie in: beyond it too much is read for too little when they are restored. */
const MOST_BUNDLES = 4;

/** Finds the content of entries. */
export class ContentWriter {
  filesUnchanged = 0;
  /** Units of small files: all, and whether one was sent since room was waited for. */
  #sent = 0;
  #hasSent = false;
  readonly #parts: ContentParts;
  readonly #entries: EntryWriter;
  readonly #large = new Set<Promise<void>>();
  readonly #bundles = new BundleQueue<BackupRoot, BundledFile>((root, bundles) =>
    this.#storeBundles(root, bundles),
  );
  readonly #reused: ReusedBlobs;

  constructor(parts: ContentParts) {
    this.#parts = parts;
    this.#entries = new EntryWriter(parts);
    this.#reused = new ReusedBlobs(parts.session);
  }

  /** Counts entries that were taken over with their whole page. */
  unchanged({ files, bytes }: PageTotals): void {
    this.filesUnchanged += files;
    this.#parts.progress.bytesDone(bytes);
    this.#parts.progress.filesDone(files);
  }

  /** Settles an entry of a page now or later; resolves when the next one may be begun. */
  async begin(begun: Begun): Promise<void> {
    const seen = seenOf(begun);
    if (seen.kind !== 'file') {
      this.#entries.settleOther(begun, seen);
      return;
    }
    const absolute = this.#absolute(begun.job.root, seen.path);
    const database = this.#databaseAt(absolute);
    if (database === undefined) await this.#beginPlain(begun, seen, absolute);
    else void this.#settleDatabase(begun, seen, { absolute, database });
  }

  /**
   * Takes the files of a group over that did not change, and stores the others with those of neighbouring groups. Once
   * a group has come to lie in many bundles, it is stored anew as a whole (§7.5).
   */
  storeGroup(root: BackupRoot, group: readonly BundledFile[]): void {
    const kept = group.flatMap((file) => (file.kept === undefined ? [] : [{ ...file, kept: file.kept }]));
    const bundles = new Set(kept.flatMap((file) => file.kept.pieces.map(({ id }) => id)));
    const isWhole = kept.length === group.length;
    // A file too young to be believed is most likely what it was: then the whole group is the bundle that is there.
    const isYoung = group.some(
      ({ kept: content, begun }) =>
        content === undefined &&
        begun.before !== undefined &&
        looksUnchanged(begun.before.entry, seenOf(begun)),
    );
    if (!isWhole && (isYoung || kept.length === 0 || bundles.size > MOST_BUNDLES)) {
      this.#bundles.add(root, group);
      return;
    }
    for (const { begun, kept: content } of kept) this.#settleKept(begun, seenOf(begun), content);
    for (const file of group) if (file.kept === undefined) this.#bundles.gather(root, file);
  }

  /** Stores what was collected; what waits for it would wait for ever otherwise. */
  flush(root: BackupRoot): void {
    this.#bundles.flush(root);
  }

  #storeBundles(root: BackupRoot, bundles: readonly (readonly BundledFile[])[]): void {
    const files = bundles.flat();
    const logs = new Set(files.map(({ path }) => path).filter((path) => this.#parts.scope.isLog(root, path)));
    const { directory } = root.source;
    const paths = bundles.map((bundle) => bundle.map(({ path }) => path));
    const unit = { kind: 'bundles', directory, bundles: paths, logs } as const;
    this.#settleRead(files, this.#parts.session.chunks.store(unit));
  }

  async #beginPlain(begun: Begun, seen: SeenEntry, absolute: Buffer): Promise<void> {
    if (this.#parts.appKeys.isKeyFile(begun.job.root, seen)) {
      // §11.4: never taken over, for an earlier backup may have had it in an ordinary blob.
      await this.#storeWhole(begun, seen, { blobKind: BLOB_KINDS.appKey, flags: 0 });
      return;
    }
    const kept = await this.#keptContent(begun, seen);
    if (kept === undefined && looksLikeDatabase(seen, absolute)) {
      const message =
        'A database that appeared after the databases were seen, or is another name of one: stored as a file';
      this.#entries.report(begun, 'SOURCE_TORN', message);
      await this.#store(begun, seen, { absolute, flags: ENTRY_FLAGS.torn });
    } else if (isBundled(seen.size)) {
      const { path, size } = seen;
      begun.bundler.add({ path, size, begun, flags: 0, kept });
      // Small files are listed faster than they are sealed: without this they would pile up in memory.
      await this.#ready();
    } else if (kept !== undefined) {
      this.#settleKept(begun, seen, kept);
    } else {
      await this.#store(begun, seen, { absolute, flags: 0 });
    }
  }

  /** What the last backup had of a file, if the file and its blobs are still what they were. */
  async #keptContent({ before }: Begun, seen: SeenEntry): Promise<Content | undefined> {
    if (before === undefined) return undefined;
    const { entry, startedAt } = before;
    const { size, digest, mtime, ctime, extra, kind } = entry;
    const isPlain = kind === 'file' && extra.flags === undefined && extra.database === undefined;
    if (!isPlain || !isUnchanged(entry, seen, startedAt)) return undefined;
    const pieces = this.#reused.placed(await before.pieces());
    if (pieces === undefined) return undefined;
    // A change of attributes changes the ctime.
    return { size, pieces, digest, mtime, ctime, extra: extraOf(extra), flags: 0 };
  }

  #settleKept(begun: Begun, seen: SeenEntry, content: Content): void {
    this.filesUnchanged += 1;
    this.#parts.progress.bytesDone(content.size);
    this.#entries.settle(begun, seen, content);
  }

  /** Settles a database once it is stored. */
  async #settleDatabase(
    begun: Begun,
    seen: SeenEntry,
    { absolute, database }: { readonly absolute: Buffer; readonly database: SeenDatabase },
  ): Promise<void> {
    try {
      const outcome = await database.outcome;
      if (outcome.outcome === 'damaged') {
        this.#entries.report(begun, 'DATABASE_DAMAGED', outcome.message);
        await this.#store(begun, seen, { absolute, flags: ENTRY_FLAGS.damaged });
      } else {
        await this.#settleIntact(begun, seen, outcome);
      }
    } catch (error) {
      begun.job.fail(error);
    }
  }

  async #settleIntact(
    begun: Begun,
    seen: SeenEntry,
    outcome: Exclude<DatabaseOutcome, { outcome: 'damaged' }>,
  ): Promise<void> {
    if (outcome.outcome === 'unreadable') {
      this.#entries.collect(begun, outcome.error);
      return;
    }
    const { job, before } = begun;
    const found = this.#entries.lookClosely(begun);
    if (found === undefined) return;
    const { mtime, ctime } = found.exact;
    const xattrs = extraOf(found);
    this.#parts.memory.addDatabase(job, seen.path, outcome.fingerprint);
    if (outcome.outcome === 'stored') {
      const { size, chunks, hashes, facts } = outcome;
      const digest = this.#entries.digestOf(seen.path, hashes);
      this.#entries.settle(begun, seen, {
        size,
        pieces: chunks,
        digest,
        mtime,
        ctime,
        extra: { ...xattrs, database: facts },
        flags: 0,
      });
      return;
    }
    const pieces = before && this.#reused.placed(await before.pieces());
    const database = before?.entry.extra.database;
    if (before === undefined || pieces === undefined || database === undefined) {
      // The catalog knew the page, and the page is not there or rotten.
      throw new VanishedError([]);
    }
    this.filesUnchanged += 1;
    const { size, digest } = before.entry;
    this.#parts.progress.bytesDone(size);
    this.#entries.settle(begun, seen, {
      size,
      pieces,
      digest,
      mtime,
      ctime,
      extra: { ...xattrs, database },
      flags: 0,
    });
  }

  async #store(
    begun: Begun,
    seen: SeenEntry,
    { absolute, flags }: { readonly absolute: Buffer; readonly flags: number },
  ): Promise<void> {
    if (seen.size <= WHOLE_FILE_BYTES) {
      await this.#storeWhole(begun, seen, { blobKind: BLOB_KINDS.data, flags });
      return;
    }
    await this.#parts.run.databases.stored;
    while (this.#large.size >= MOST_LARGE) await Promise.race(this.#large);
    const run = this.#storeLarge(begun, seen, { absolute, flags }).finally(() => this.#large.delete(run));
    this.#large.add(run);
    await this.#parts.session.chunks.ready();
  }

  async #storeWhole(
    begun: Begun,
    seen: SeenEntry,
    { blobKind, flags }: { readonly blobKind: BlobKind; readonly flags: number },
  ): Promise<void> {
    const { scope, session } = this.#parts;
    const { chunks } = session;
    const { path, size } = seen;
    const { root } = begun.job;
    const { directory } = root.source;
    this.#settleRead(
      [{ path, size, begun, flags, kept: undefined }],
      chunks.store({ kind: 'file', directory, path, blobKind, isLog: scope.isLog(root, path) }),
    );
    await this.#ready();
  }

  async #storeLarge(
    begun: Begun,
    seen: SeenEntry,
    { absolute, flags }: { readonly absolute: Buffer; readonly flags: number },
  ): Promise<void> {
    const { session, scope, progress, run } = this.#parts;
    try {
      const isLog = scope.isLog(begun.job.root, seen.path);
      const stored = await storeLargeFile(session.chunks, { path: absolute, isLog }, (bytes) => {
        // One file may take an hour.
        if (run.signal.aborted) throw interrupted();
        progress.bytesRead(bytes);
      });
      if (stored === undefined) {
        begun.job.settle(begun.index, undefined);
        return;
      }
      const { size, mtime, ctime, torn, dropped } = stored;
      progress.bytesDone(holeBytes(stored.holes));
      const digest = this.#entries.digestOf(seen.path, stored.hashes);
      const content = { size, pieces: stored.chunks, digest, mtime, ctime, extra: extraOf(stored), flags };
      this.#entries.settleFresh(begun, seen, { content, torn, dropped });
    } catch (error) {
      this.#entries.collectOrFail(begun, error);
    }
  }

  /** Settles files that a thread reads, once it has read them. */
  #settleRead(files: readonly BundledFile[], unit: StoringUnit): void {
    this.#sent += 1;
    this.#hasSent = true;
    const settle = async (): Promise<void> => {
      const { loaded, stored } = unit;
      const [read, chunks] = await Promise.all([loaded, stored]);
      this.#parts.progress.bytesRead(read.consumed);
      for (const [i, file] of files.entries()) this.#settleOne(file, unpackFile(read.files, i), chunks);
    };
    settle().catch((error: unknown) => {
      for (const { begun } of files) begun.job.fail(error);
    });
  }

  #settleOne(file: BundledFile, read: ReadFile, chunks: readonly StoredChunk[]): void {
    const { begun, flags } = file;
    const seen = seenOf(begun);
    if (read.state === 'gone') begun.job.settle(begun.index, undefined);
    else if (read.state === 'unreadable')
      this.#entries.collect(begun, new NbakError('SOURCE_UNREADABLE', read.message));
    else if (read.state === 'outgrown') {
      const absolute = this.#absolute(begun.job.root, seen.path);
      void this.#storeLarge(begun, seen, { absolute, flags });
    } else {
      const chunk = chunks[read.chunk];
      const pieces = chunk === undefined ? [] : [read.slice < 0 ? chunk : sliceOf(chunk, read.slice)];
      const { size, digest, mtime, ctime, torn, dropped } = read;
      const content = { size, pieces, digest, mtime, ctime, extra: extraOf(read), flags };
      this.#entries.settleFresh(begun, seen, { content, torn, dropped });
    }
  }

  #databaseAt(absolute: Buffer): SeenDatabase | undefined {
    const { databases } = this.#parts.run.databases;
    return databases.size === 0 ? undefined : databases.get(toLatin1(absolute));
  }

  /** Resolves when there is room for another unit, if one was sent. Databases go first. */
  async #ready(): Promise<void> {
    if (!this.#hasSent) return;
    this.#hasSent = false;
    if (this.#sent >= MOST_EARLY) await this.#parts.run.databases.stored;
    await this.#parts.session.chunks.ready();
  }

  #absolute(root: BackupRoot, path: BytePath): Buffer {
    return this.#parts.scope.absolute(root, path);
  }
}
