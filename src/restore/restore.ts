/** Restoring a backup, or a part of it, into a new or empty directory (DESIGN §7). Implements §22. */

import { createHash } from 'node:crypto';
import { isNbakError, NbakError, type ErrorCode } from '../errors.js';
import { ENTRY_FLAGS } from '../format/entry.js';
import type { BlobId } from '../format/ids.js';
import { pathToText } from '../format/path.js';
import type { ReadBlob } from '../repository/blob-reader.js';
import { readOwners } from '../source/owners.js';
import { DatabaseChecker } from './database-check.js';
import { assembleData, distinctIds, isSmall, readData, type DataRun } from '../repository/file-data.js';
import { planRestore } from './plan.js';
import type {
  PlannedEntry,
  RestoredDatabase,
  RestoreOptions,
  RestorePlan,
  RestoreProblem,
  RestoreResult,
  RestoreSource,
} from './result.js';
import { RestoreTarget, type TargetOwner } from './target.js';

/** What no other file would survive either. */
const FATAL: readonly ErrorCode[] = ['TARGET_FAILED', 'SPACE_INSUFFICIENT', 'INTERRUPTED'];
/** Small files are restored in groups: their bundles are opened once. */
const GROUP_BYTES = 8 * 1024 * 1024;
const GROUP_FILES = 1000;

/**
 * Restores into an absent or empty directory.
 *
 * @remarks A file appears under its name only when its digest was compared. A file that cannot be restored is
 *   collected in `failed`, and the others are restored. Memory is bounded by concurrency × 16 MiB plus the list.
 * @throws NbakError `TARGET_NOT_EMPTY`, `TARGET_FAILED`, `SPACE_INSUFFICIENT`, `INTERRUPTED`, or what
 *   {@link planRestore} throws.
 */
export async function restore(source: RestoreSource, options: RestoreOptions): Promise<RestoreResult> {
  const startedAt = Date.now();
  const plan = await planRestore(source, options);
  const run = new RestoreRun(source, options, plan);
  try {
    await run.apply();
  } finally {
    await run.close();
  }
  const { files, directories, links, bytes, databases, failed, notRestored } = run;
  return {
    files,
    directories,
    links,
    bytes,
    databases,
    failed,
    notRestored,
    durationMs: Date.now() - startedAt,
  };
}

class RestoreRun {
  files = 0;
  directories = 0;
  links = 0;
  bytes = 0;
  readonly databases: RestoredDatabase[] = [];
  readonly failed: RestoreProblem[] = [];
  readonly notRestored: string[] = [];
  readonly #source: RestoreSource;
  readonly #options: RestoreOptions;
  readonly #plan: RestorePlan;
  readonly #target: RestoreTarget;
  readonly #owners = readOwners();
  readonly #checker = new DatabaseChecker();
  /** The first name of each hard-link group that was restored. */
  readonly #linked = new Map<number, PlannedEntry>();
  #foreignOwners = 0;

  constructor(source: RestoreSource, options: RestoreOptions, plan: RestorePlan) {
    this.#source = source;
    this.#options = options;
    this.#plan = plan;
    this.#target = new RestoreTarget(options.target);
  }

  async apply(): Promise<void> {
    const { entries } = this.#plan;
    const directories = entries.filter(({ entry }) => entry.kind === 'directory');
    for (const { place } of directories) this.#target.makeDirectory(place);
    this.directories = directories.length;

    const links: PlannedEntry[] = [];
    const files: PlannedEntry[] = [];
    const groups = new Set<number>();
    for (const each of entries) {
      if (each.entry.kind !== 'file') continue;
      const group = each.entry.extra.hardLink;
      if (group !== undefined && groups.has(group)) links.push(each);
      else files.push(each);
      if (group !== undefined) groups.add(group);
    }
    await this.#restoreFiles(files);
    for (const link of links) await this.#restoreLink(link);
    for (const each of entries) this.#restoreOther(each);
    // It lies in the target's root, whose time its removal changes.
    this.#target.removeStaging();
    for (const each of directories.reverse()) {
      this.#countOwner(
        this.#target.finishDirectory({ ...each.entry, path: each.place }, this.#ownerOf(each)),
      );
    }
    if (this.#foreignOwners > 0)
      this.notRestored.push(
        `the owner of ${this.#foreignOwners} of the entries: this user or system cannot set it`,
      );
  }

  async close(): Promise<void> {
    await this.#checker.close();
    this.#target.close();
  }

  async #restoreFiles(files: readonly PlannedEntry[]): Promise<void> {
    const work = groupFiles(files)[Symbol.iterator]();
    const worker = async (): Promise<void> => {
      for (let next = work.next(); next.done !== true; next = work.next()) {
        if (this.#options.signal?.aborted === true) throw interrupted();
        await this.#restoreGroup(next.value);
      }
    };
    await Promise.all(Array.from({ length: Math.max(1, this.#options.concurrency) }, worker));
  }

  async #restoreGroup(group: readonly PlannedEntry[]): Promise<void> {
    const [only] = group;
    if (group.length === 1 && only !== undefined) {
      await this.#restoreFile(only, readData(only, this.#source.blobs, this.#source.keys));
      return;
    }
    const opened = new Map<BlobId, ReadBlob>();
    try {
      const ids = distinctIds(group.flatMap(({ pieces }) => pieces));
      for await (const { id, blob } of this.#source.blobs.readAll(ids)) opened.set(id, blob);
    } catch (error) {
      if (!isNbakError(error)) throw error;
      // One blob of the group is bad: file by file only those fail that need it.
      for (const file of group)
        await this.#restoreFile(file, readData(file, this.#source.blobs, this.#source.keys));
      return;
    }
    for (const file of group)
      await this.#restoreFile(
        file,
        lazily(() => assembleData(file, opened, this.#source.keys)),
      );
  }

  async #restoreFile(file: PlannedEntry, data: AsyncIterable<DataRun>): Promise<void> {
    const entry = { ...file.entry, path: file.place };
    const staged = this.#target.stage(file.place);
    try {
      for await (const { offset, bytes } of data) {
        // One file may take an hour.
        if (this.#options.signal?.aborted === true) throw interrupted();
        this.#target.write(file.place, staged, offset, bytes);
        this.bytes += bytes.length;
      }
      await this.#checkDatabase(file, staged.path);
      this.#countOwner(this.#target.finishFile(entry, staged, this.#ownerOf(file)));
    } catch (error) {
      this.#target.discard(staged);
      if (!isNbakError(error)) throw error;
      // Without a place to write to, no other file will fare better.
      if (FATAL.includes(error.code)) throw error;
      this.failed.push({ path: pathToText(file.place), code: error.code, message: error.message });
      return;
    }
    if (entry.extra.hardLink !== undefined) this.#linked.set(entry.extra.hardLink, file);
    this.files += 1;
    this.#report();
  }

  async #restoreLink(file: PlannedEntry): Promise<void> {
    const existing = this.#linked.get(file.entry.extra.hardLink ?? -1);
    // §22.3: a group whose members differ would give one file the content of another (A10).
    if (existing === undefined || !(await this.#hasSameData(existing, file))) {
      await this.#restoreFile(file, readData(file, this.#source.blobs, this.#source.keys));
      return;
    }
    this.#target.makeHardLink(file.place, existing.place);
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
    const { blobs, keys } = this.#source;
    const hash = createHash('sha256');
    for await (const { offset, bytes } of readData(file, blobs, keys))
      hash.update(`${offset}:`).update(bytes);
    return hash.digest('hex');
  }

  #restoreOther(each: PlannedEntry): void {
    const { kind } = each.entry;
    if (kind === 'file' || kind === 'directory') return;
    if (kind === 'symlink') {
      const owned = this.#target.makeSymbolicLink({ ...each.entry, path: each.place }, this.#ownerOf(each));
      if (owned === undefined)
        this.notRestored.push(`${pathToText(each.place)}: a link, which this file system cannot hold`);
      else {
        this.#countOwner(owned);
        this.links += 1;
      }
    } else {
      this.notRestored.push(`${pathToText(each.place)}: a ${kind}`);
    }
  }

  async #checkDatabase({ entry, place }: PlannedEntry, path: string): Promise<void> {
    const isDamaged = ((entry.extra.flags ?? 0) & ENTRY_FLAGS.damaged) !== 0;
    if (entry.extra.database === undefined && !isDamaged) return;
    const shown = pathToText(place);
    if (isDamaged || entry.extra.database?.check === 'damaged') {
      this.databases.push({
        path: shown,
        verdict: 'damaged-at-capture',
        message: 'it was damaged when it was backed up',
      });
    } else if (this.#options.check === 'none') {
      this.databases.push({ path: shown, verdict: 'not-run', message: '' });
    } else {
      this.databases.push({ path: shown, ...(await this.#checker.check(path)) });
    }
  }

  #ownerOf({ owner }: PlannedEntry): TargetOwner {
    return {
      uid: (owner.user === '' ? undefined : this.#owners.userId(owner.user)) ?? owner.uid,
      gid: (owner.group === '' ? undefined : this.#owners.groupId(owner.group)) ?? owner.gid,
    };
  }

  #countOwner(owned: boolean): void {
    if (!owned) this.#foreignOwners += 1;
  }

  #report(): void {
    const { files, bytes } = this.#plan;
    this.#options.onProgress?.({
      filesDone: this.files,
      filesTotal: files,
      bytesDone: this.bytes,
      bytesTotal: bytes,
    });
  }
}

/** Says whether two files have the same data, by what they are made of. */
function isSameData(a: PlannedEntry, b: PlannedEntry): boolean {
  const madeOf = ({ entry, pieces, dedup }: PlannedEntry): string =>
    JSON.stringify([entry.size, entry.extra.holes, dedup, pieces.map(({ blob, slice }) => [blob.id, slice])]);
  return madeOf(a) === madeOf(b);
}

/** Neighbouring small files together, large ones alone. */
function* groupFiles(files: readonly PlannedEntry[]): Generator<readonly PlannedEntry[]> {
  let group: PlannedEntry[] = [];
  const blobs = new Set<BlobId>();
  let bytes = 0;
  for (const file of files) {
    if (!isSmall(file)) {
      yield [file];
      continue;
    }
    group.push(file);
    // Whole bundles are opened, however little of them is asked for.
    for (const { blob } of file.pieces) {
      if (!blobs.has(blob.id)) bytes += blob.plaintextLength;
      blobs.add(blob.id);
    }
    if (bytes < GROUP_BYTES && group.length < GROUP_FILES) continue;
    yield group;
    group = [];
    blobs.clear();
    bytes = 0;
  }
  if (group.length > 0) yield group;
}

async function* lazily(make: () => readonly DataRun[]): AsyncGenerator<DataRun> {
  yield* await Promise.resolve(make());
}

function interrupted(): NbakError {
  return new NbakError('INTERRUPTED', 'Interrupted: the target holds the files that were complete', {
    hint: 'Remove it before restoring again.',
  });
}
