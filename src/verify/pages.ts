/** Every page once, summarised so that many backups that share it cost nothing more. Implements §20.1 step 5 per page. */

import { isNbakError, type NbakError } from '../errors.js';
import type { PageId } from '../format/ids.js';
import type { Totals } from '../format/manifest.js';
import type { BlobRow, Page } from '../format/page.js';
import { parentPath, type BytePath } from '../format/path.js';
import type { PageReader } from '../repository/pages.js';

/** What of a page matters to the backups that reach it. */
export interface PageSummary {
  readonly type: Page['type'];
  readonly children: readonly PageId[];
  readonly blobs: readonly BlobRow[];
  /** Of pages of entries only. */
  readonly entries?: EntriesSummary;
}

/** What of a page of entries matters to the pages before and behind it (§10.3). */
export interface EntriesSummary {
  readonly count: number;
  readonly totals: Totals;
  readonly first: BytePath;
  readonly last: BytePath;
  /** Directories that its entries lie in and that it does not hold itself. */
  readonly needs: readonly BytePath[];
  /** Directories in it that are at or above its last entry. */
  readonly open: readonly BytePath[];
}

/** Reads and summarises stored pages, each once. */
export class PageSummaries {
  readonly #reader: PageReader;
  readonly #known = new Map<PageId, PageSummary | NbakError>();

  constructor(reader: PageReader) {
    this.#reader = reader;
  }

  /** Reads pages, so that what is wrong with them is known when it is asked. */
  async load(ids: Iterable<PageId>): Promise<void> {
    for (const id of ids) await this.get(id);
  }

  /** The summary of a page, or what is wrong with it. */
  async get(id: PageId): Promise<PageSummary | NbakError> {
    let summary = this.#known.get(id);
    if (summary === undefined) {
      try {
        summary = summarise(await this.#reader.stored(id));
      } catch (error) {
        if (!isNbakError(error)) throw error;
        summary = error;
      }
      this.#known.set(id, summary);
    }
    return summary;
  }
}

function summarise(page: Page): PageSummary {
  const { type, children } = page;
  const blobs = page.type === 'public' ? [...page.blobs, page.sealed] : page.blobs;
  const base = { type, children, blobs: blobs.map(({ id, length }) => ({ id, length })) };
  if (page.type !== 'entries') return base;
  const directories = new Set<BytePath>();
  const needs = new Set<BytePath>();
  const totals = { files: 0, directories: 0, others: 0, bytes: 0 };
  for (const { path, kind, size } of page.entries) {
    const parent = parentPath(path);
    if (parent !== undefined && !directories.has(parent)) needs.add(parent);
    if (kind === 'directory') directories.add(path);
    if (kind === 'file') totals.files += 1;
    else if (kind === 'directory') totals.directories += 1;
    else totals.others += 1;
    totals.bytes += size;
  }
  const last = page.entries.at(-1)?.path ?? ('' as BytePath);
  const first = page.entries[0]?.path ?? last;
  const open = [...directories].filter((directory) => isAtOrAbove(directory, last));
  return { ...base, entries: { count: page.entries.length, totals, first, last, needs: [...needs], open } };
}

/** Says whether `directory` is `path` or a directory above it. */
export function isAtOrAbove(directory: BytePath, path: BytePath): boolean {
  return directory === '' || directory === path || path.startsWith(`${directory}/`);
}
