/** The walk over all roots: what there is, and which files are databases. */

import { setImmediate } from 'node:timers/promises';
import { NbakError } from '../errors.js';
import type { BytePath } from '../format/path.js';
import { SIDECAR_SUFFIXES, toLatin1 } from '../source/sqlite/header.js';
import { isDatabase, mayBeDatabase } from '../source/sqlite/looks-like-database.js';
import type { SeenEntry } from '../source/entry.js';
import type { FoundDatabase } from './databases.js';
import { HardLinkGroups, Listing } from './listing.js';
import type { Problems } from './problems.js';
import type { BackupRoot, BackupScope } from './scope.js';

/** What a walk found. */
export interface ScanResult {
  readonly files: number;
  readonly directories: number;
  /** Bytes of all files. */
  readonly bytes: number;
  readonly listings: ReadonlyMap<BackupRoot, Listing>;
  /** Each once, under the first of its names: SQLite's sidecars belong to a name. */
  readonly databases: readonly FoundDatabase[];
}

/** What a walk is told. */
export interface ScanOptions {
  readonly signal: AbortSignal | undefined;
  /** Where what cannot be read is listed. */
  readonly problems: Problems;
  /** Databases, by absolute path as latin1 text, whose sidecars are listed like any file: they cannot be captured. */
  readonly asFiles?: ReadonlySet<string>;
  /** What alone is looked at in a root. */
  readonly among?: (root: BackupRoot) => (path: BytePath) => boolean;
}

/** Entries looked at in one go: some millisecond. Then signals and threads that wait for an answer get a turn. */
const TURN_ENTRIES = 256;

/** Walks all roots. */
export async function scan(scope: BackupScope, options: ScanOptions): Promise<ScanResult> {
  const run = new Scan(scope, options);
  const listings = new Map<BackupRoot, Listing>();
  for (const root of scope.roots) listings.set(root, await run.list(root));
  const { files, directories, bytes, databases } = run;
  return { files, directories, bytes, listings, databases };
}

class Scan {
  files = 0;
  directories = 0;
  bytes = 0;
  readonly databases: FoundDatabase[] = [];
  readonly #scope: BackupScope;
  readonly #options: ScanOptions;
  readonly #groups = new HardLinkGroups();
  readonly #inodes = new Set<string>();
  readonly #sidecars = new Set<string>();
  #seen = 0;

  constructor(scope: BackupScope, options: ScanOptions) {
    this.#scope = scope;
    this.#options = options;
  }

  async list(root: BackupRoot): Promise<Listing> {
    const { signal, problems, among } = this.#options;
    const listing = new Listing();
    const walk = this.#scope.walk(root, {
      onProblem: (problem) => problems.add(root, problem),
      ...(among && { among: among(root) }),
    });
    for (const entry of walk) {
      this.#seen += 1;
      if (this.#seen % TURN_ENTRIES === 0) {
        await setImmediate();
        if (signal?.aborted === true) throw interrupted();
      }
      // In path order a database comes before its sidecars.
      if (this.#sidecars.size > 0 && this.#isSidecar(root, entry)) continue;
      listing.add(entry, this.#groups.of(entry));
      if (entry.kind === 'directory') this.directories += 1;
      if (entry.kind !== 'file') continue;
      this.files += 1;
      this.bytes += entry.size;
      if (mayBeDatabase(entry)) this.#tryDatabase(root, entry);
    }
    return listing;
  }

  #tryDatabase(root: BackupRoot, { path, device, inode }: SeenEntry): void {
    const key = `${device}:${inode}`;
    const absolute = this.#scope.absolute(root, path);
    if (this.#inodes.has(key) || !isDatabase(absolute)) return;
    this.#inodes.add(key);
    this.databases.push({ root, path, absolute });
    const name = toLatin1(absolute);
    if (this.#options.asFiles?.has(name) === true) return;
    for (const suffix of SIDECAR_SUFFIXES) this.#sidecars.add(name + suffix);
  }

  #isSidecar(root: BackupRoot, { path, kind }: SeenEntry): boolean {
    const mayBe = kind === 'file' && SIDECAR_SUFFIXES.some((suffix) => path.endsWith(suffix));
    return mayBe && this.#sidecars.has(toLatin1(this.#scope.absolute(root, path)));
  }
}

/** The error of an aborted operation. */
export function interrupted(): NbakError {
  return new NbakError('INTERRUPTED', 'Interrupted: the repository is what it was before', {
    hint: 'Run it again; what was stored already is not stored twice.',
  });
}
