/** A page whose entries wait for their content. */

import type { BackupRoot } from './scope.js';
import type { Listing } from './listing.js';
import type { PageEntry } from './page-builder.js';

/** The entries of one page to come. */
export class PageJob {
  readonly root: BackupRoot;
  readonly listing: Listing;
  readonly from: number;
  readonly to: number;
  /** False once something of it must be looked at again by the next backup, whatever the walk sees then. */
  mayBeKept = true;
  #entries: (PageEntry | undefined)[];
  #open: number;
  readonly #settled: Promise<void>;
  #finish!: () => void;
  #fail!: (error: unknown) => void;

  constructor(root: BackupRoot, listing: Listing, range: { readonly from: number; readonly to: number }) {
    this.root = root;
    this.listing = listing;
    this.from = range.from;
    this.to = range.to;
    this.#open = range.to - range.from;
    this.#entries = Array.from({ length: this.#open }, () => undefined);
    this.#settled = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    // Whoever awaits it meets the failure; nobody may before the backup ends for another reason.
    this.#settled.catch(() => undefined);
  }

  get isComplete(): boolean {
    return this.#open === 0;
  }

  /** Resolves when every entry is settled; rejects when one failed. */
  settled(): Promise<void> {
    return this.#settled;
  }

  /** The entries of the page, once: those that are not left out. */
  takeEntries(): readonly PageEntry[] {
    const entries = this.#entries.filter((entry) => entry !== undefined);
    this.#entries = [];
    return entries;
  }

  /** Settles an entry by its place in the listing; undefined leaves it out. */
  settle(index: number, entry: PageEntry | undefined): void {
    this.#entries[index - this.from] = entry;
    // What is missing must be asked for again, and its reason told again.
    if (entry === undefined) this.mayBeKept = false;
    this.#open -= 1;
    if (this.#open === 0) this.#finish();
  }

  fail(error: unknown): void {
    this.#fail(error);
  }
}
