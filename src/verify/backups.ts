/** What each manifest reaches, and whether it all is there and in order. Implements §20.1 step 5. */

import { NbakError } from '../errors.js';
import { BLOB_KINDS, type BlobKind } from '../format/blob.js';
import type { BackupId, BlobId, PackId, PageId } from '../format/ids.js';
import { isSealedDetail, type Manifest, type Totals } from '../format/manifest.js';
import type { BlobRow } from '../format/page.js';
import { comparePaths, joinPath, pathToText, type BytePath } from '../format/path.js';
import { appKeyContradiction } from '../repository/app-keys.js';
import type { Backup } from '../repository/manifests.js';
import { manifestName, packName, pageName } from '../repository/object-names.js';
import { enterList, startTrail, type ListTrail, type PageReader } from '../repository/pages.js';
import type { PackFindings } from './packs.js';
import { isAtOrAbove, type EntriesSummary, type PageSummaries, type PageSummary } from './pages.js';
import { problemOf, type VerifyProblem } from './result.js';

/** Files named per finding. */
const MOST_FILES = 100;

/** Pages as they are, and what matters of them. */
export interface PageSources {
  readonly pages: PageReader;
  readonly summaries: PageSummaries;
}

interface MutableFinding {
  readonly problem: VerifyProblem;
  readonly backups: Set<BackupId>;
  readonly files: Set<string>;
}

/** Walks manifests and gathers findings, one per damaged thing, with all backups and files it affects. */
export class BackupChecker {
  readonly reachedPages = new Set<PageId>();
  readonly reachedBlobs = new Set<BlobId>();
  readonly #packs: PackFindings;
  readonly #lost: ReadonlyMap<BlobId, PackId>;
  readonly #pages: PageReader;
  readonly #summaries: PageSummaries;
  readonly #findings = new Map<string, MutableFinding>();
  /** Pages whose blobs are all good: backups share most pages. */
  readonly #soundPages = new Set<PageId>();

  /** @param lost - blobs of packs that are gone or cannot be trusted, with those packs, as index objects tell. */
  constructor(packs: PackFindings, lost: ReadonlyMap<BlobId, PackId>, from: PageSources) {
    this.#packs = packs;
    this.#lost = lost;
    this.#pages = from.pages;
    this.#summaries = from.summaries;
  }

  /** Checks one backup. */
  async check(backup: Backup): Promise<void> {
    const { manifest, id } = backup;
    const names = new RootNames(manifest);
    const order = new OrderCheck();
    await this.#checkPages(backup, manifest.pages, { names, order, trail: startTrail() });
    await this.#checkOwnBlobs(backup, manifest.appKeys ?? [], BLOB_KINDS.appKey);
    if (isSealedDetail(manifest.detail))
      await this.#checkOwnBlobs(backup, [manifest.detail], BLOB_KINDS.sealedDetail);
    else {
      const error = order.finish(manifest) ?? appKeyContradiction(manifest, manifest.detail);
      if (error !== undefined)
        this.#find(manifestName(id), problemOf(error, { object: manifestName(id) }), id);
    }
  }

  /** Checks a page that may belong to no backup. */
  async checkPage(id: PageId): Promise<void> {
    const summary = await this.#summaries.get(id);
    if (summary instanceof NbakError) this.#find(pageName(id), problemOf(summary, { object: pageName(id) }));
  }

  /** Adds a file that needs a damaged blob, for sealed names, where only a holder of secrets can tell. */
  nameFile(backup: BackupId, row: BlobRow, file: string): void {
    const { key, problem } = this.#blobProblem(row);
    this.#find(key, problem, backup, [file]);
  }

  /** All findings, affected backups and files gathered. */
  problems(): readonly VerifyProblem[] {
    return [...this.#findings.values()].map(({ problem, backups, files }) => ({
      ...problem,
      backups: [...backups],
      files: [...files].slice(0, MOST_FILES),
    }));
  }

  async #checkPages(
    backup: Backup,
    ids: readonly PageId[],
    at: { readonly names: RootNames; readonly order: OrderCheck; readonly trail: ListTrail },
  ): Promise<void> {
    for (const id of ids) {
      this.reachedPages.add(id);
      const summary = await this.#summaries.get(id);
      const name = pageName(id);
      if (summary instanceof NbakError) {
        this.#find(name, problemOf(summary, { object: name }), backup.id);
        at.order.giveUp();
        continue;
      }
      if (!isDue(summary, backup.manifest)) {
        const error = new NbakError(
          'REFERENCE_TAMPERED',
          `${name} is a page of type ${summary.type} where another is due`,
        );
        this.#find(name, problemOf(error, { object: name }), backup.id);
        continue;
      }
      if (summary.type === 'list') {
        const below = enterList(at.trail, id);
        if (below instanceof NbakError) {
          this.#find(name, problemOf(below, { object: name }), backup.id);
          at.order.giveUp();
        } else {
          await this.#checkPages(backup, summary.children, { ...at, trail: below });
        }
        continue;
      }
      const root = at.names.next(summary.entries?.count ?? 0);
      if (summary.entries !== undefined) at.order.add(summary.entries);
      await this.#checkRows(backup, summary.blobs, { id, root });
      for (const child of summary.children) await this.#checkContentPage(backup, child, { id, root });
    }
  }

  async #checkContentPage(
    backup: Backup,
    id: PageId,
    from: { readonly id: PageId; readonly root: BytePath },
  ): Promise<void> {
    this.reachedPages.add(id);
    const summary = await this.#summaries.get(id);
    if (summary instanceof NbakError) {
      const name = pageName(id);
      this.#find(
        name,
        problemOf(summary, { object: name }),
        backup.id,
        await this.#filesOf(from, { child: id }),
      );
      return;
    }
    // §10.1, §10.7: where names are sealed, what a content page holds is sealed as well.
    const due = isSealedDetail(backup.manifest.detail) ? 'public' : 'content';
    if (summary.type !== due) {
      const name = pageName(id);
      const error = new NbakError(
        'REFERENCE_TAMPERED',
        `${name} is a page of type ${summary.type} where another is due`,
      );
      this.#find(
        name,
        problemOf(error, { object: name }),
        backup.id,
        await this.#filesOf(from, { child: id }),
      );
      return;
    }
    await this.#checkRows(backup, summary.blobs, from, id);
  }

  async #checkRows(
    backup: Backup,
    rows: readonly BlobRow[],
    from: { readonly id: PageId; readonly root: BytePath } | undefined,
    child?: PageId,
  ): Promise<void> {
    const page = child ?? from?.id;
    if (page !== undefined && this.#soundPages.has(page)) return;
    for (const { id } of rows) this.reachedBlobs.add(id);
    const bad = rows.filter((row) => !this.#isGood(row));
    if (bad.length === 0 && page !== undefined) this.#soundPages.add(page);
    for (const row of bad) {
      const what = child === undefined ? { blob: row.id } : { child };
      const files = from === undefined ? [] : await this.#filesOf(from, what);
      const { key, problem } = this.#blobProblem(row);
      this.#find(key, problem, backup.id, files);
    }
  }

  /** Blobs that the manifest itself names, which are of one kind (§11.3, §11.4). */
  async #checkOwnBlobs(backup: Backup, rows: readonly BlobRow[], due: BlobKind): Promise<void> {
    await this.#checkRows(backup, rows, undefined);
    for (const { id } of rows) {
      const { kind = due } = this.#packs.good.get(id) ?? {};
      if (kind === due) continue;
      const error = contradiction(
        `its blob ${id} is of kind ${kind} where one of kind ${due} is due`,
        '§6.2',
      );
      this.#find(manifestName(backup.id), problemOf(error, { object: manifestName(backup.id) }), backup.id);
    }
  }

  #isGood({ id, length }: BlobRow): boolean {
    const good = this.#packs.good.get(id);
    return good !== undefined && (good.length === length || good.isStandIn);
  }

  /** One finding per damaged blob, and one per lost pack however many blobs were in it. */
  #blobProblem({ id, length }: BlobRow): { readonly key: string; readonly problem: VerifyProblem } {
    const bad = this.#packs.bad.get(id);
    if (bad !== undefined) return { key: id, problem: bad };
    const good = this.#packs.good.get(id);
    if (good !== undefined) {
      const error = new NbakError(
        'REFERENCE_TAMPERED',
        `Blob ${id} has ${good.length} bytes, its page says ${length}`,
      );
      return { key: id, problem: problemOf(error) };
    }
    const pack = this.#lost.get(id);
    if (pack === undefined) {
      return {
        key: id,
        problem: problemOf(new NbakError('OBJECT_MISSING', `Blob ${id} is in no pack and no index`)),
      };
    }
    const object = packName(pack);
    const known = this.#packs.problems.find((problem) => problem.object === object);
    return {
      key: object,
      problem: known ?? problemOf(new NbakError('OBJECT_MISSING', `${object} is missing`), { object }),
    };
  }

  /** The files of a page that need a blob or a content page; nothing where names are sealed. */
  async #filesOf(
    from: { readonly id: PageId; readonly root: BytePath },
    what: { readonly blob?: BlobId; readonly child?: PageId },
  ): Promise<readonly string[]> {
    const page = await this.#pages.stored(from.id);
    if (page.type !== 'entries') return [];
    const row = page.blobs.findIndex(({ id }) => id === what.blob);
    const child = page.children.findIndex((id) => id === what.child);
    return page.entries
      .filter(
        ({ content, extra }) =>
          content.some((piece) => piece.row === row) ||
          (child >= 0 && extra.contentPages?.includes(child) === true),
      )
      .map(({ path }) => pathToText(from.root === '' ? path : joinPath(from.root, path)));
  }

  #find(key: string, problem: VerifyProblem, backup?: BackupId, files: readonly string[] = []): void {
    const finding = this.#findings.get(key) ?? { problem, backups: new Set(), files: new Set() };
    this.#findings.set(key, finding);
    if (backup !== undefined) finding.backups.add(backup);
    for (const file of files) finding.files.add(file);
  }
}

/** §10.2, §10.7: a manifest names pages of entries or lists; with sealed names, public pages or lists. */
function isDue(summary: PageSummary, { detail }: Manifest): boolean {
  return summary.type === 'list' || summary.type === (isSealedDetail(detail) ? 'public' : 'entries');
}

/** Which root the next page belongs to; names are shown only where there are several roots. */
class RootNames {
  readonly #roots: readonly { readonly name: BytePath; readonly entries: number }[];
  #at = 0;
  #seen = 0;

  constructor({ detail }: Manifest) {
    this.#roots = isSealedDetail(detail) ? [] : detail.roots;
  }

  next(entries: number): BytePath {
    const root = this.#roots[this.#at];
    this.#seen += entries;
    if (root !== undefined && this.#seen >= root.entries) {
      this.#at += 1;
      this.#seen = 0;
    }
    return this.#roots.length > 1 && root !== undefined ? root.name : ('' as BytePath);
  }
}

/** Order, parents and counts over all pages of a backup (§10.3, §11.2). */
class OrderCheck {
  readonly #pages: EntriesSummary[] = [];
  #incomplete = false;

  add(page: EntriesSummary): void {
    this.#pages.push(page);
  }

  /** A page is unreadable: what follows cannot be judged. */
  giveUp(): void {
    this.#incomplete = true;
  }

  finish({ detail, totals }: Manifest): NbakError | undefined {
    if (this.#incomplete || isSealedDetail(detail)) return undefined;
    const sum = { files: 0, directories: 0, others: 0, bytes: 0 };
    const pages = [...this.#pages];
    for (const root of detail.roots) {
      let seen = 0;
      let open: readonly BytePath[] = [];
      let last: BytePath | undefined;
      while (seen < root.entries) {
        const page = pages.shift();
        if (page === undefined) return contradiction('entries are missing');
        const isFirst = last === undefined;
        if (isFirst ? page.first !== '' : comparePaths(last ?? page.first, page.first) >= 0)
          return contradiction('its pages are out of order');
        const above = open.filter((directory) => isAtOrAbove(directory, page.first));
        if (page.needs.some((directory) => !above.includes(directory)))
          return contradiction('an entry has no parent directory');
        open = [...above.filter((directory) => isAtOrAbove(directory, page.last)), ...page.open];
        last = page.last;
        seen += page.count;
        addTotals(sum, page.totals);
      }
      if (seen !== root.entries) return contradiction('a page holds entries of two roots');
    }
    if (pages.length > 0) return contradiction('there are entries beyond its roots');
    const agrees = (Object.keys(sum) as (keyof Totals)[]).every((key) => sum[key] === totals[key]);
    return agrees ? undefined : contradiction('its totals are not those of its entries');
  }
}

function addTotals(sum: { -readonly [Key in keyof Totals]: number }, totals: Totals): void {
  sum.files += totals.files;
  sum.directories += totals.directories;
  sum.others += totals.others;
  sum.bytes += totals.bytes;
}

function contradiction(why: string, clause = '§10.3'): NbakError {
  return new NbakError('REFERENCE_TAMPERED', `A backup contradicts itself: ${why}`, { details: { clause } });
}
