/** What is in each file: taken over from the last backup, stored now, or listed as a problem. */

import { WHOLE_FILE_BYTES } from '../chunking/sizes.js';
import { NbakError } from '../errors.js';
import { BLOB_KINDS, type BlobKind } from '../format/blob.js';
import { ENTRY_FLAGS } from '../format/entry.js';
import type { BlobId } from '../format/ids.js';
import type { BytePath } from '../format/path.js';
import type { PageTotals } from '../repository/catalog-pages.js';
import type { BackedUpPiece } from '../repository/entries.js';
import { holeBytes } from '../source/holes.js';
import { isUnchanged, looksUnchanged } from '../source/unchanged.js';
import type { SeenEntry } from '../source/entry.js';
import type { AppKeys } from './app-keys.js';
import { BundleQueue } from './bundle-queue.js';
import { isBundled, type Bundler, type SmallFile } from './bundler.js';
import type { StoredChunk, StoringUnit } from './chunk-store.js';
import { VanishedError } from './commit.js';
import type { DatabaseOutcome, SeenDatabase, SeenDatabases } from './databases.js';
import { sliceOf, type Content } from './content.js';
import { EntryWriter, extraOf, seenOf, type Place } from './entry-writer.js';
import type { KnownEntry } from './known-tree.js';
import { storeLargeFile } from './large-file.js';
import type { LastBackup } from './last-backup.js';
import type { Problems } from './problems.js';
import type { Progress } from './progress.js';
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

  /**
   * Settles an entry of a page now or later.
   *
   * @param database - what the entry is, where it is one that was seen.
   * @returns what resolves when the next one may be begun; undefined where it may at once, as most may: a promise for
   *   each would be much of the work.
   */
  begin(begun: Begun, database: SeenDatabase | undefined): Promise<void> | undefined {
    const seen = seenOf(begun);
    if (seen.kind !== 'file') {
      this.#entries.settleOther(begun, seen);
      return undefined;
    }
    if (database === undefined) return this.#beginPlain(begun, seen);
    void this.#settleDatabase(begun, seen, database);
    return undefined;
  }

  /**
   * Takes the files of a group over that did not change, and stores the others with those of neighbouring groups. Once
   * a group has come to lie in many bundles, it is stored anew as a whole (§7.5).
   */
  storeGroup(root: BackupRoot, group: readonly BundledFile[]): void {
    const bundles = new Set<BlobId>();
    let isWhole = true;
    let isYoung = false;
    for (const { kept, begun } of group) {
      if (kept !== undefined) for (const { id } of kept.pieces) bundles.add(id);
      else {
        isWhole = false;
        // Too young to be believed, it is most likely what it was: then the whole group is the bundle that is there.
        isYoung ||= begun.before !== undefined && looksUnchanged(begun.before.entry, seenOf(begun));
      }
    }
    if (!isWhole && (isYoung || bundles.size === 0 || bundles.size > MOST_BUNDLES)) {
      this.#bundles.add(root, group);
      return;
    }
    for (const file of group) {
      if (file.kept === undefined) this.#bundles.gather(root, file);
      else this.#settleKept(file.begun, seenOf(file.begun), file.kept);
    }
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

  #beginPlain(begun: Begun, seen: SeenEntry): Promise<void> | undefined {
    // §11.4: never taken over, for an earlier backup may have had it in an ordinary blob.
    if (this.#parts.appKeys.isKeyFile(begun.job.root, seen))
      return this.#storeWhole(begun, seen, { blobKind: BLOB_KINDS.appKey, flags: 0 });
    const { before } = begun;
    if (before === undefined || !isStill(before, seen)) return this.#beginWith(begun, seen, undefined);
    const pieces = before.pieces();
    return pieces instanceof Promise
      ? pieces.then((loaded) => this.#beginWith(begun, seen, this.#keptContent(before, loaded)))
      : this.#beginWith(begun, seen, this.#keptContent(before, pieces));
  }

  /** @param kept - what the last backup had of the file, where file and blobs are still what they were. */
  #beginWith(begun: Begun, seen: SeenEntry, kept: Content | undefined): Promise<void> | undefined {
    if (kept === undefined && looksLikeDatabase(seen, this.#absolute(begun.job.root, seen.path))) {
      const message =
        'A database that appeared after the databases were seen, or is another name of one: stored as a file';
      this.#entries.report(begun, 'SOURCE_TORN', message);
      return this.#store(begun, seen, ENTRY_FLAGS.torn);
    }
    if (isBundled(seen.size)) {
      const { path, size } = seen;
      begun.bundler.add({ path, size, begun, flags: 0, kept });
      // Small files are listed faster than they are sealed: without this they would pile up in memory.
      return this.#hasSent ? this.#ready() : undefined;
    }
    if (kept === undefined) return this.#store(begun, seen, 0);
    this.#settleKept(begun, seen, kept);
    return undefined;
  }

  #keptContent({ entry }: KnownEntry, pieces: readonly BackedUpPiece[]): Content | undefined {
    const placed = this.#reused.placed(pieces);
    if (placed === undefined) return undefined;
    const { size, digest, mtime, ctime, extra } = entry;
    // A change of attributes changes the ctime.
    return { size, pieces: placed, digest, mtime, ctime, extra: extraOf(extra), flags: 0 };
  }

  #settleKept(begun: Begun, seen: SeenEntry, content: Content): void {
    this.filesUnchanged += 1;
    this.#parts.progress.bytesDone(content.size);
    this.#entries.settle(begun, seen, content);
  }

  /** Settles a database once it is stored. */
  async #settleDatabase(begun: Begun, seen: SeenEntry, database: SeenDatabase): Promise<void> {
    try {
      const outcome = await database.outcome;
      if (outcome.outcome === 'damaged') {
        this.#entries.report(begun, 'DATABASE_DAMAGED', outcome.message);
        await this.#store(begun, seen, ENTRY_FLAGS.damaged);
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

  async #store(begun: Begun, seen: SeenEntry, flags: number): Promise<void> {
    if (seen.size <= WHOLE_FILE_BYTES) {
      await this.#storeWhole(begun, seen, { blobKind: BLOB_KINDS.data, flags });
      return;
    }
    await this.#parts.run.databases.stored;
    while (this.#large.size >= MOST_LARGE) await Promise.race(this.#large);
    const run = this.#storeLarge(begun, seen, flags).finally(() => this.#large.delete(run));
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

  async #storeLarge(begun: Begun, seen: SeenEntry, flags: number): Promise<void> {
    const { session, scope, progress, run } = this.#parts;
    const { root } = begun.job;
    try {
      const file = { path: this.#absolute(root, seen.path), isLog: scope.isLog(root, seen.path) };
      const stored = await storeLargeFile(session.chunks, file, (bytes) => {
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
    else if (read.state === 'outgrown') void this.#storeLarge(begun, seen, flags);
    else {
      const chunk = chunks[read.chunk];
      const pieces = chunk === undefined ? [] : [read.slice < 0 ? chunk : sliceOf(chunk, read.slice)];
      const { size, digest, mtime, ctime, torn, dropped } = read;
      const content = { size, pieces, digest, mtime, ctime, extra: extraOf(read), flags };
      this.#entries.settleFresh(begun, seen, { content, torn, dropped });
    }
  }

  /** Resolves when there is room for another unit. Databases go first. */
  async #ready(): Promise<void> {
    this.#hasSent = false;
    if (this.#sent >= MOST_EARLY) await this.#parts.run.databases.stored;
    await this.#parts.session.chunks.ready();
  }

  #absolute(root: BackupRoot, path: BytePath): Buffer {
    return this.#parts.scope.absolute(root, path);
  }
}

/** Says whether a plain file is what it was, by all that the walk saw of it. */
function isStill({ entry, startedAt }: KnownEntry, seen: SeenEntry): boolean {
  const { kind, extra } = entry;
  const isPlain = kind === 'file' && extra.flags === undefined && extra.database === undefined;
  return isPlain && isUnchanged(entry, seen, startedAt);
}
