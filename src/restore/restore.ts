/** Restoring a backup, or a part of it, into a new or empty directory (DESIGN §7). Implements §22. */

import { pathToText } from '../format/path.js';
import { readOwners } from '../source/owners.js';
import type { TargetOwner } from './attributes.js';
import { FileRestorer, type FileRestorerParts } from './file-restorer.js';
import { FileWriter } from './file-writer.js';
import { planRestore } from './plan.js';
import type { PlannedEntry, RestoreOptions, RestorePlan, RestoreResult, RestoreSource } from './result.js';
import { RestoreTarget } from './target.js';
import { restoredAt, TokenCheck } from './token-check.js';

/**
 * Restores into an absent or empty directory.
 *
 * @remarks A file appears under its name only when its digest was compared. A file that cannot be restored is
 *   collected in `failed`, and the others are restored. Memory: the list, and of large files
 *   10 MiB for each job under way, of which there are two per thread, and for the one that is planned.
 * @throws NbakError `TARGET_NOT_EMPTY`, `TARGET_CONFLICT`, `TARGET_FAILED`, `SPACE_INSUFFICIENT`, `INTERRUPTED`, or what
 *   {@link planRestore} throws.
 */
export async function restore(source: RestoreSource, options: RestoreOptions): Promise<RestoreResult> {
  const startedAt = Date.now();
  const { blobs, secrets } = source;
  const writer = new FileWriter({ blobs, secrets, threads: options.threads });
  try {
    const plan = await planRestore(source, options);
    const tokens = await TokenCheck.open(source);
    const target = new RestoreTarget(options.target);
    const run = new RestoreRun({ source, options, plan, target, writer, tokens });
    try {
      await run.apply();
    } finally {
      await run.close();
    }
    return { ...run.result(), durationMs: Date.now() - startedAt };
  } finally {
    await writer.close();
  }
}

class RestoreRun {
  readonly #plan: RestorePlan;
  readonly #target: RestoreTarget;
  readonly #files: FileRestorer;
  readonly #tokens: TokenCheck;
  readonly #owners = readOwners();
  readonly #notRestored: string[] = [];
  #directories = 0;
  #links = 0;
  #fifos = 0;
  #foreignOwners = 0;

  constructor(parts: Omit<FileRestorerParts, 'ownerOf'>) {
    this.#plan = parts.plan;
    this.#target = parts.target;
    this.#tokens = parts.tokens;
    this.#files = new FileRestorer({ ...parts, ownerOf: (file) => this.#ownerOf(file) });
  }

  async apply(): Promise<void> {
    const { entries } = this.#plan;
    this.#target.assertDistinct(entries.map(({ place }) => place));
    const directories = entries.filter(({ entry }) => entry.kind === 'directory');
    for (const { place } of directories) this.#target.makeDirectory(place);
    this.#directories = directories.length;

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
    await this.#files.restore(files);
    for (const link of links) await this.#files.restoreLink(link);
    for (const each of entries) this.#restoreOther(each);
    this.#target.publish();
    await this.#checkTokenFiles([...files, ...links]);
    for (const each of directories.reverse()) {
      this.#countOwner(
        this.#target.finishDirectory({ ...each.entry, path: each.place }, this.#ownerOf(each)),
      );
    }
    const foreign = this.#foreignOwners + this.#files.foreignOwners;
    if (foreign > 0)
      this.#notRestored.push(`the owner of ${foreign} of the entries: this user or system cannot set it`);
    for (const [name, count] of this.#target.refused)
      this.#notRestored.push(`${name} of ${count} of the entries: this user or system cannot set it`);
  }

  /** Databases are counted where they are checked. */
  async #checkTokenFiles(files: readonly PlannedEntry[]): Promise<void> {
    if (!this.#tokens.isNeeded) return;
    const failed = new Set(this.#files.failed.map(({ path }) => path));
    for (const file of files) {
      if (file.entry.extra.database !== undefined || failed.has(pathToText(file.place))) continue;
      this.#files.failed.push(...(await this.#tokens.checkFile(file, restoredAt(this.#target.path, file))));
    }
  }

  async close(): Promise<void> {
    await this.#files.close();
    this.#target.close();
  }

  result(): Omit<RestoreResult, 'durationMs'> {
    const { files, bytes, databases, failed } = this.#files;
    if (failed.length > 0) {
      // Threads take files as their packs have them; people look for them as the list has them.
      const places = new Map(this.#plan.entries.map(({ place }, i) => [pathToText(place), i]));
      failed.sort((a, b) => (places.get(a.path) ?? 0) - (places.get(b.path) ?? 0));
    }
    return {
      files,
      directories: this.#directories,
      links: this.#links,
      fifos: this.#fifos,
      bytes,
      databases,
      failed,
      notRestored: this.#notRestored,
      tokens: { opened: this.#tokens.opened, failed: this.#tokens.failed },
    };
  }

  #restoreOther(each: PlannedEntry): void {
    const { kind } = each.entry;
    if (kind === 'file' || kind === 'directory') return;
    const entry = { ...each.entry, path: each.place };
    const owner = this.#ownerOf(each);
    if (kind === 'symlink') {
      this.#links += this.#countMade(each, this.#target.makeSymbolicLink(entry, owner));
    } else if (kind === 'fifo') {
      this.#fifos += this.#countMade(each, this.#target.makeFifo(entry, owner));
    } else {
      this.#notRestored.push(`${pathToText(each.place)}: a ${kind}`);
    }
  }

  #ownerOf({ owner }: PlannedEntry): TargetOwner {
    return {
      uid: (owner.user === '' ? undefined : this.#owners.userId(owner.user)) ?? owner.uid,
      gid: (owner.group === '' ? undefined : this.#owners.groupId(owner.group)) ?? owner.gid,
    };
  }

  /** @param owned - undefined for what could not be made. @returns how many were made. */
  #countMade({ entry, place }: PlannedEntry, owned: boolean | undefined): number {
    if (owned === undefined) {
      this.#notRestored.push(`${pathToText(place)}: a ${entry.kind}, which cannot be made here`);
      return 0;
    }
    this.#countOwner(owned);
    return 1;
  }

  #countOwner(owned: boolean): void {
    if (!owned) this.#foreignOwners += 1;
  }
}
