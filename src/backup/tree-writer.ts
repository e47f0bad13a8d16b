/** Writes the pages of one root after the other: what did not change is taken over, the rest gets its content stored. */

import { setImmediate } from 'node:timers/promises';
import type { Totals } from '../format/manifest.js';
import type { BytePath } from '../format/path.js';
import type { PageTotals } from '../repository/catalog-pages.js';
import type { PackPlace } from '../repository/pack-writer.js';
import { Bundler } from './bundler.js';
import { ContentWriter, type BundledFile, type ContentParts } from './content-writer.js';
import { databasesBelow, type SeenDatabase } from './databases.js';
import type { LastBackup } from './last-backup.js';
import type { Listing } from './listing.js';
import type { PageBuilder, PageEntry } from './page-builder.js';
import { PageJob } from './page-job.js';
import { pageParts } from './page-parts.js';
import { planPages, type PlannedPage } from './page-plan.js';
import { PathBorders } from './path-borders.js';
import { interrupted } from './scan.js';
import type { BackupRoot } from './scope.js';

/** What a tree writer works with. */
export interface TreeParts extends ContentParts {
  readonly builder: PageBuilder;
  readonly memory: LastBackup;
}

/** What a page is begun with. */
interface PageParts {
  readonly planned: PlannedPage;
  readonly bundler: Bundler<BundledFile>;
  /** Those of its root. */
  readonly databases: ReadonlyMap<BytePath, SeenDatabase>;
}

/** Entries that may wait for their content: more than a bundle can keep open (§7.5). */
const MOST_WAITING = 8192;
/** Entries that are begun in one go: some 2 ms. */
const TURN_ENTRIES = 64;
const NO_TOTALS: PageTotals = { files: 0, directories: 0, others: 0, bytes: 0 };

/** Writes the entries of all roots. */
export class TreeWriter {
  /** Totals of §11.2. */
  totals: Totals = NO_TOTALS;
  readonly content: ContentWriter;
  readonly #parts: TreeParts;
  readonly #entries = new Map<BackupRoot, number>();
  /** Pages that wait for the content of their entries, in order. */
  #jobs: PageJob[] = [];
  #waiting = 0;

  constructor(parts: TreeParts) {
    this.#parts = parts;
    this.content = new ContentWriter(parts);
  }

  /** How many entries a root has. */
  entriesOf(root: BackupRoot): number {
    return this.#entries.get(root) ?? 0;
  }

  /** Writes the entries of one root. */
  async writeRoot(root: BackupRoot, listing: Listing): Promise<void> {
    const { session, memory } = this.#parts;
    const borders = new PathBorders(session.repository.crypto, session.keys.borderKey);
    const tree = memory.treeOf(root);
    const bundler = new Bundler<BundledFile>(borders, (group) => this.content.storeGroup(root, group));
    const databases = databasesBelow(root, this.#parts.run.databases);
    const changed = new Set([...databases].flatMap(([path, { isChanged }]) => (isChanged ? [path] : [])));
    const mayKeep = (from: number, to: number): boolean => !isAnyBetween(changed, listing, { from, to });
    for (const planned of planPages(listing, { borders, tree, mayKeep })) {
      if (planned.known === undefined) {
        await this.#beginPage(root, listing, { planned, bundler, databases });
        continue;
      }
      bundler.end();
      await this.#drain(0);
      this.#keep(root, planned);
      tree.pass(planned.known);
    }
    bundler.end();
    await this.#drain(0);
  }

  #keep(root: BackupRoot, { known }: PlannedPage): void {
    if (known === undefined) return;
    this.#parts.builder.keep(known);
    this.#parts.memory.keep(root, known);
    this.#count(root, known.totals);
    this.content.unchanged(known.totals);
  }

  async #beginPage(
    root: BackupRoot,
    listing: Listing,
    { planned, bundler, databases }: PageParts,
  ): Promise<void> {
    this.#proceed();
    const { from, to } = planned;
    const job = new PageJob(root, listing, { from, to });
    this.#jobs.push(job);
    this.#waiting += to - from;
    const before = await this.#parts.memory
      .treeOf(root)
      .entriesBetween(listing.path(from), listing.path(to - 1));
    for (let index = from; index < to; index += 1) {
      bundler.pass();
      const path = listing.path(index);
      const room = this.content.begin({ job, index, before: before.get(path), bundler }, databases.get(path));
      if (room !== undefined) await room;
      // Most of it is synchronous: signals, and threads that wait for an answer, get their turn here.
      if (index % TURN_ENTRIES === 0) await setImmediate();
    }
    await this.#drain(MOST_WAITING);
  }

  /** Writes the pages at the front that are complete, and waits for those that are not while more than `most` wait. */
  async #drain(most: number): Promise<void> {
    for (let job = this.#jobs[0]; job !== undefined; job = this.#jobs[0]) {
      this.#proceed();
      if (!job.isComplete) {
        if (this.#waiting <= most) return;
        this.content.flush(job.root);
        await job.settled();
      }
      this.#jobs.shift();
      this.#waiting -= job.to - job.from;
      await this.#write(job);
      // Each takes some 10 ms, and often several are complete at once.
      await setImmediate();
    }
  }

  #proceed(): void {
    if (this.#parts.run.signal.aborted) throw interrupted();
  }

  async #write(job: PageJob): Promise<void> {
    const { builder, memory } = this.#parts;
    const parts = [...pageParts(job.takeEntries())];
    for (const entries of parts) {
      const built = await builder.add(entries);
      const totals = totalsOf(entries);
      this.#count(job.root, totals);
      // Of a page that had to be parted the next backup finds no trace, and makes it anew.
      if (parts.length > 1) continue;
      const places = new Set<PackPlace>(built.sealedIn);
      for (const { pieces } of entries) for (const { place } of pieces) places.add(place);
      memory.add(job, built, { places, totals });
    }
  }

  #count(root: BackupRoot, { files, directories, others, bytes }: PageTotals): void {
    this.#entries.set(root, this.entriesOf(root) + files + directories + others);
    this.totals = {
      files: this.totals.files + files,
      directories: this.totals.directories + directories,
      others: this.totals.others + others,
      bytes: this.totals.bytes + bytes,
    };
  }
}

function totalsOf(entries: readonly PageEntry[]): PageTotals {
  let files = 0;
  let directories = 0;
  let bytes = 0;
  for (const { draft } of entries) {
    if (draft.kind === 'file') files += 1;
    if (draft.kind === 'directory') directories += 1;
    bytes += draft.size;
  }
  return { files, directories, others: entries.length - files - directories, bytes };
}

/** Says whether one of `paths` lies between two entries. */
function isAnyBetween(
  paths: ReadonlySet<BytePath>,
  listing: Listing,
  { from, to }: { readonly from: number; readonly to: number },
): boolean {
  if (paths.size === 0) return false;
  for (let index = from; index < to; index += 1) if (paths.has(listing.path(index))) return true;
  return false;
}
