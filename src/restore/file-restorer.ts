/** Restores files: content by threads, then what each needs until it may appear under its name (§22.2, §22.3). */

import { createHash } from 'node:crypto';
import { isNbakError, NbakError, type ErrorCode } from '../errors.js';
import { ENTRY_FLAGS } from '../format/entry.js';
import { pathToText } from '../format/path.js';
import { isSmall, readData } from '../repository/file-data.js';
import { attributesOf, type TargetOwner } from './attributes.js';
import { DatabaseChecker } from './database-check.js';
import { FileInProgress, isForThreads } from './file-in-progress.js';
import type { FileWriter } from './file-writer.js';
import type {
  PlannedEntry,
  RestoredDatabase,
  RestoreOptions,
  RestorePlan,
  RestoreProblem,
  RestoreSource,
} from './result.js';
import { dataBytes } from './plan.js';
import { StagedFile } from './staged-file.js';
import type { RestoreTarget } from './target.js';
import type { TokenCheck } from './token-check.js';

/** What no other file would survive either. */
const FATAL: readonly ErrorCode[] = ['TARGET_FAILED', 'SPACE_INSUFFICIENT', 'INTERRUPTED'];
/** From here on a file is written past the page cache: in it, it would take the place of what applications use. */
const LARGE_BYTES = 1024 * 1024;
/** Databases that wait for their check, open, while others are written. */
const MOST_CHECKS = 16;

/** What a restorer works with. */
export interface FileRestorerParts {
  readonly source: RestoreSource;
  readonly options: RestoreOptions;
  readonly target: RestoreTarget;
  readonly plan: RestorePlan;
  readonly writer: FileWriter;
  readonly tokens: TokenCheck;
  readonly ownerOf: (file: PlannedEntry) => TargetOwner;
}

/** Restores the files of one plan and keeps count. */
export class FileRestorer {
  files = 0;
  bytes = 0;
  /** Files whose owner could not be set. */
  foreignOwners = 0;
  readonly databases: RestoredDatabase[] = [];
  readonly failed: RestoreProblem[] = [];
  readonly #parts: FileRestorerParts;
  readonly #checker = new DatabaseChecker();
  /** The first name of each hard-link group that was restored. */
  readonly #linked = new Map<number, PlannedEntry>();
  /** Files that threads write. */
  readonly #open = new Set<FileInProgress>();
  readonly #checks = new Set<Promise<void>>();
  /** Files that threads cannot write, or did not write whole. */
  readonly #alone: PlannedEntry[] = [];

  constructor(parts: FileRestorerParts) {
    this.#parts = parts;
  }

  /** Restores files; those that cannot be are in `failed`. */
  async restore(files: readonly PlannedEntry[]): Promise<void> {
    this.#alone.push(...files.filter((file) => !isForThreads(file)));
    const threaded = files.filter(isForThreads);
    // Databases first, so that they are checked while the others are written.
    const ordered = [...threaded.filter(isDatabase), ...threaded.filter((file) => !isDatabase(file))];
    try {
      await this.#parts.writer.write(this.#begin(ordered), {
        proceed: () => this.#proceed(),
        written: (bytes) => this.#count(bytes),
        done: (file) => this.#finishWritten(file),
      });
      await Promise.all(this.#checks);
    } finally {
      await Promise.allSettled(this.#checks);
      for (const { into } of this.#open) into.discard();
    }
    for (const file of this.#alone) await this.#restoreAlone(file);
  }

  /** Restores a further name of a file. */
  async restoreLink(file: PlannedEntry): Promise<void> {
    const existing = this.#linked.get(file.entry.extra.hardLink ?? -1);
    // §22.3: a group whose members differ would give one file the content of another (A10).
    if (existing === undefined || !(await this.#hasSameData(existing, file))) {
      await this.#restoreAlone(file);
      return;
    }
    this.#parts.target.makeHardLink(file.place, existing.place);
    this.files += 1;
    this.#report();
  }

  async close(): Promise<void> {
    await this.#checker.close();
  }

  *#begin(files: readonly PlannedEntry[]): Generator<FileInProgress> {
    const { target, ownerOf } = this.#parts;
    for (const planned of files) {
      const inTree = isMadeByThread(planned)
        ? target.treeFile(planned.place, attributesOf(planned.entry, ownerOf(planned)))
        : undefined;
      const file = new FileInProgress(planned, inTree ?? this.#stage(planned));
      this.#open.add(file);
      yield file;
    }
  }

  #stage(planned: PlannedEntry): StagedFile {
    const { entry, place } = planned;
    const staged = this.#parts.target.stage(place);
    // What is checked is read at once.
    const isRead = isDatabase(planned) && this.#parts.options.check === 'full';
    if (dataBytes(entry) >= LARGE_BYTES && !isRead) staged.openDirect(entry.size);
    return staged;
  }

  async #finishWritten(file: FileInProgress): Promise<void> {
    const { planned, into, bytes, owned } = file;
    this.#open.delete(file);
    if (!file.isWhole(this.#parts.source.keys)) {
      into.discard();
      this.bytes -= bytes;
      this.#alone.push(planned);
      return;
    }
    if (!(into instanceof StagedFile)) {
      into.finish();
      this.#noteFinished(planned, owned);
      return;
    }
    const finished = this.#collecting(planned, into, async () => {
      if (isDatabase(planned)) await this.#checkDatabase(planned, into.path);
      this.#finish(planned, into);
    });
    if (!isDatabase(planned)) return finished;
    const check = finished.finally(() => this.#checks.delete(check));
    // Who waits for all of them meets a failure; until then it is nobody's.
    check.catch(() => undefined);
    this.#checks.add(check);
    if (this.#checks.size >= MOST_CHECKS) await Promise.race(this.#checks);
  }

  /** The simple way, in this thread, from every place that its blobs have. */
  async #restoreAlone(file: PlannedEntry): Promise<void> {
    const { target, source } = this.#parts;
    this.#proceed();
    const staged = target.stage(file.place);
    await this.#collecting(file, staged, async () => {
      for await (const { offset, bytes } of readData(file, source.blobs, source.keys)) {
        // One file may take an hour.
        this.#proceed();
        target.write(file.place, staged, offset, bytes);
        this.#count(bytes.length);
      }
      if (isDatabase(file)) await this.#checkDatabase(file, staged.path);
      this.#finish(file, staged);
    });
  }

  /** Runs the end of a file's restore; if that fails the file is dropped, and the failure kept. */
  async #collecting(file: PlannedEntry, staged: StagedFile, run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      staged.discard();
      if (!isNbakError(error)) throw error;
      // Without a place to write to, no other file will fare better; one may be too long for this file system alone.
      if (FATAL.includes(error.code) && error.details['code'] !== 'EFBIG') throw error;
      this.failed.push({ path: pathToText(file.place), code: error.code, message: error.message });
    }
  }

  #finish(file: PlannedEntry, staged: StagedFile): void {
    const { target, ownerOf } = this.#parts;
    const entry = { ...file.entry, path: file.place };
    this.#noteFinished(file, target.finishFile(entry, staged, attributesOf(entry, ownerOf(file))));
  }

  #noteFinished(file: PlannedEntry, owned: boolean): void {
    const { hardLink } = file.entry.extra;
    if (!owned) this.foreignOwners += 1;
    if (hardLink !== undefined) this.#linked.set(hardLink, file);
    this.files += 1;
    this.#report();
  }

  /** Small files under several names lie in a bundle once for each name: then only their bytes can tell. */
  async #hasSameData(a: PlannedEntry, b: PlannedEntry): Promise<boolean> {
    if (isSameData(a, b)) return true;
    if (a.entry.size !== b.entry.size || !isSmall(a) || !isSmall(b)) return false;
    try {
      return (await this.#hashOf(a)) === (await this.#hashOf(b));
    } catch (error) {
      // Restoring the file itself will say what is wrong with it.
      if (isNbakError(error)) return false;
      throw error;
    }
  }

  async #hashOf(file: PlannedEntry): Promise<string> {
    const { blobs, keys } = this.#parts.source;
    const hash = createHash('sha256');
    for await (const { offset, bytes } of readData(file, blobs, keys))
      hash.update(`${offset}:`).update(bytes);
    return hash.digest('hex');
  }

  async #checkDatabase(planned: PlannedEntry, file: string): Promise<void> {
    const { entry, place } = planned;
    const { options, tokens } = this.#parts;
    const path = pathToText(place);
    if (isDamaged(entry) || entry.extra.database?.check === 'damaged') {
      const message = 'it was damaged when it was backed up';
      this.databases.push({ path, verdict: 'damaged-at-capture', message });
      return;
    }
    const queries = tokens.queriesOf(planned);
    const integrity = options.check === 'full';
    const found =
      integrity || queries.length > 0
        ? await this.#checker.check({ path: file, integrity, tokens: queries })
        : undefined;
    this.databases.push({ path, ...(found?.verdict ?? { verdict: 'not-run', message: '' }) });
    this.failed.push(...tokens.compare(planned, found?.tokens ?? []));
  }

  #proceed(): void {
    if (this.#parts.options.signal?.aborted !== true) return;
    throw new NbakError('INTERRUPTED', 'Interrupted: the target holds the files that were complete', {
      hint: 'Remove it before restoring again.',
    });
  }

  #count(bytes: number): void {
    this.bytes += bytes;
  }

  #report(): void {
    const { plan, options } = this.#parts;
    options.onProgress?.({
      filesDone: this.files,
      filesTotal: plan.files,
      bytesDone: this.bytes,
      bytesTotal: plan.bytes,
    });
  }
}

function isDatabase({ entry }: PlannedEntry): boolean {
  return entry.extra.database !== undefined || isDamaged(entry);
}

function isDamaged({ extra }: PlannedEntry['entry']): boolean {
  return ((extra.flags ?? 0) & ENTRY_FLAGS.damaged) !== 0;
}

/** A file that nobody but the thread needs open: not a database, which is checked before it gets its attributes. */
function isMadeByThread(file: PlannedEntry): boolean {
  const { holes, xattrs } = file.entry.extra;
  return file.pieces.length === 1 && holes === undefined && xattrs === undefined && !isDatabase(file);
}

/** Says whether two files have the same data, by what they are made of. */
function isSameData(a: PlannedEntry, b: PlannedEntry): boolean {
  const madeOf = ({ entry, pieces, dedup }: PlannedEntry): string =>
    JSON.stringify([entry.size, entry.extra.holes, dedup, pieces.map(({ blob, slice }) => [blob.id, slice])]);
  return madeOf(a) === madeOf(b);
}
