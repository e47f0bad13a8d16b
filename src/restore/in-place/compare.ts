/** What a swap would do: the target as it is, beside what the backup brings, entry by entry. Implements §22.5. */

import { ENTRY_FLAGS } from '../../format/entry.js';
import { comparePaths, type BytePath } from '../../format/path.js';
import type { SeenEntry, SourceEntry } from '../../source/entry.js';
import { SIDECAR_SUFFIXES } from '../../source/sqlite/header.js';
import type { PlannedEntry } from '../result.js';
import type { OldTree } from './old-tree.js';

/** In place, or over single files. */
export type SwapPolicy =
  | { readonly way: 'in-place' }
  | {
      readonly way: 'overwrite';
      readonly files: 'always' | 'if-changed' | 'never';
      readonly extras: 'keep' | 'delete';
    };

/** What the backup brings: paths are relative to the target. */
export interface NewTree {
  readonly entries: ReadonlyMap<BytePath, PlannedEntry>;
  /** False for what this system cannot make: a device, or a link where there are none. */
  isMade(path: BytePath): boolean;
}

/** An entry that would be swapped whole. */
export interface PlannedStep {
  readonly path: BytePath;
  readonly old: boolean;
  readonly new: boolean;
}

/** What a swap would do. */
export interface Comparison {
  readonly steps: readonly PlannedStep[];
  /** Directories that are on both sides and stay where they are. */
  readonly entered: readonly BytePath[];
  /** What was met and is not swapped: out of scope, the same, or not to be replaced. */
  readonly stayed: readonly BytePath[];
  /** Where what must stay and something new want one place. */
  readonly conflicts: readonly BytePath[];
}

/** Compares two trees. */
export function compareTrees(old: OldTree, fresh: NewTree, policy: SwapPolicy): Comparison {
  const run = new Comparing(old, fresh, policy);
  const paths = new Set([...old.entries.keys(), ...old.left, ...fresh.entries.keys()]);
  let covered: BytePath | undefined;
  for (const path of [...paths].sort(comparePaths)) {
    if (covered !== undefined && path.startsWith(`${covered}/`)) continue;
    // An entered directory is the only thing whose entries are looked at by themselves.
    covered = run.decide(path) === 'enter' ? undefined : path;
  }
  return run;
}

type Fate = 'swap' | 'stay' | 'enter';

class Comparing implements Comparison {
  readonly steps: PlannedStep[] = [];
  readonly entered: BytePath[] = [];
  readonly stayed: BytePath[] = [];
  readonly conflicts: BytePath[] = [];
  readonly #old: OldTree;
  readonly #fresh: NewTree;
  readonly #policy: SwapPolicy;
  readonly #fates = new Map<BytePath, Fate>();

  constructor(old: OldTree, fresh: NewTree, policy: SwapPolicy) {
    this.#old = old;
    this.#fresh = fresh;
    this.#policy = policy;
  }

  decide(path: BytePath): Fate {
    const fate = this.#decide(path);
    this.#fates.set(path, fate);
    return fate;
  }

  #decide(path: BytePath): Fate {
    if (path === '') return this.#enter(path);
    const { entries, left } = this.#old;
    const before = entries.get(path);
    const after = this.#fresh.entries.get(path);
    const isMade = after !== undefined && this.#fresh.isMade(path);
    const database = this.#databaseOf(path);
    if (database !== undefined) return this.#follow(database, path);
    if (left.has(path)) return isMade ? this.#conflict(path) : this.#stay(path);
    if (before === undefined) return isMade ? this.#swap(path) : 'stay';
    if (after === undefined) return this.#decideSurplus(path, before);
    // A socket, say: it cannot be made, and the one that is there does.
    if (!isMade)
      return before.kind === after.entry.kind ? this.#stay(path) : this.#decideSurplus(path, before);
    return this.#decideBoth(path, before, after);
  }

  /** What only the target has. */
  #decideSurplus(path: BytePath, { kind }: SeenEntry): Fate {
    if (this.#policy.way === 'overwrite' && this.#policy.extras === 'keep') return this.#stay(path);
    if (!this.#old.fixed.has(path)) return this.#swap(path);
    return kind === 'directory' ? 'enter' : this.#stay(path);
  }

  #decideBoth(path: BytePath, before: SeenEntry, after: PlannedEntry): Fate {
    const areDirectories = before.kind === 'directory' && after.entry.kind === 'directory';
    const isFixed = this.#old.fixed.has(path);
    if (areDirectories && (isFixed || this.#policy.way === 'overwrite')) return this.#enter(path);
    if (isFixed) return before.kind === 'directory' ? this.#conflict(path) : this.#stay(path);
    if (this.#policy.way === 'in-place') return this.#swap(path);
    if (this.#policy.files === 'never') return this.#stay(path);
    const isOneDirectory = before.kind === 'directory' || after.entry.kind === 'directory';
    if (isOneDirectory) return this.#policy.extras === 'delete' ? this.#swap(path) : this.#conflict(path);
    const isKept = this.#policy.files === 'if-changed' && isSame(this.#old.lookAt(path), after);
    return isKept ? this.#stay(path) : this.#swap(path);
  }

  /** The database whose sidecar this is, if there is such a database on either side. */
  #databaseOf(path: BytePath): BytePath | undefined {
    const suffix = SIDECAR_SUFFIXES.find((each) => path.endsWith(each));
    if (suffix === undefined) return undefined;
    const database = path.slice(0, -suffix.length) as BytePath;
    const after = this.#fresh.entries.get(database);
    const isDatabase = after !== undefined && isNewDatabase(after);
    const wasThere = this.#old.entries.get(database)?.kind === 'file' || this.#old.left.has(database);
    return isDatabase || (wasThere && this.#old.isDatabase(database)) ? database : undefined;
  }

  /** A17: a sidecar shares its database's fate, whatever scope and policy say of the sidecar. */
  #follow(database: BytePath, path: BytePath): Fate {
    if (this.#fates.get(database) === 'swap') return this.#swap(path);
    return this.#stay(path);
  }

  #swap(path: BytePath): Fate {
    const isOld = this.#old.entries.has(path) || this.#old.left.has(path);
    const isNew = this.#fresh.entries.has(path) && this.#fresh.isMade(path);
    if (isOld || isNew) this.steps.push({ path, old: isOld, new: isNew });
    return 'swap';
  }

  #enter(path: BytePath): Fate {
    this.entered.push(path);
    return 'enter';
  }

  #stay(path: BytePath): Fate {
    this.stayed.push(path);
    return 'stay';
  }

  #conflict(path: BytePath): Fate {
    this.conflicts.push(path);
    return 'stay';
  }
}

/** Captured as a database, or stored as the files of a damaged one. */
function isNewDatabase({ entry }: PlannedEntry): boolean {
  return entry.extra.database !== undefined || ((entry.extra.flags ?? 0) & ENTRY_FLAGS.damaged) !== 0;
}

/** §22.5.2: restored files carry times to the microsecond. */
function isSame(before: SourceEntry | undefined, after: PlannedEntry): boolean {
  const { entry, owner } = after;
  if (before?.kind !== entry.kind) return false;
  if (entry.kind === 'symlink') return before.target === entry.extra.target;
  const isOwnerSame = process.geteuid?.() !== 0 || (before.uid === owner.uid && before.gid === owner.gid);
  return (
    !isNewDatabase(after) &&
    entry.extra.hardLink === undefined &&
    before.size === entry.size &&
    before.mode === entry.mode &&
    isOwnerSame &&
    before.mtime.seconds === entry.mtime.seconds &&
    Math.floor(before.mtime.nanoseconds / 1000) === Math.floor(entry.mtime.nanoseconds / 1000)
  );
}
