/** Reading the pages of a backup in order, plain or sealed. Implements §10.2, §10.3 and §10.7 for readers. */

import { NbakError } from '../errors.js';
import { BLOB_KINDS } from '../format/blob.js';
import { COMPRESSED_OVERHEAD_BYTES } from '../format/compressed-object.js';
import type { PageId } from '../format/ids.js';
import { LIMITS } from '../format/limits.js';
import {
  decodePage,
  type BlobRow,
  type ContentPage,
  type EntriesPage,
  type Page,
  type PublicPage,
} from '../format/page.js';
import { toHex } from '../format/bytes.js';
import type { BlobReader, ReadBlob } from './blob-reader.js';
import { unpackObject } from './compressed-io.js';
import { pageName } from './object-names.js';
import type { Repository } from './open.js';
import { readHashed } from './read-object.js';

/** Reads pages; sealed ones need a blob reader. */
export class PageReader {
  readonly #repository: Repository;
  readonly #blobs: BlobReader | undefined;

  constructor(repository: Repository, blobs?: BlobReader) {
    this.#repository = repository;
    this.#blobs = blobs;
  }

  /**
   * One stored page as it is: with sealed names the public part.
   *
   * @throws NbakError `OBJECT_MISSING`, `OBJECT_CORRUPT`, `FORMAT_INVALID`, `LIMIT_EXCEEDED`, `PATH_UNSAFE` …
   */
  async stored(id: PageId): Promise<Page> {
    const name = pageName(id);
    const bytes = await readHashed(this.#repository, name, LIMITS.pageRawBytes + COMPRESSED_OVERHEAD_BYTES);
    return decodePage(unpackObject('NBKP', bytes, LIMITS.pageRawBytes, name));
  }

  /**
   * The pages of entries below `ids`, in order, lists resolved and seals opened.
   *
   * @throws NbakError `KEY_MISSING` when names are sealed and there are no secrets; else as {@link stored}.
   */
  async *entriesPages(ids: readonly PageId[], trail = startTrail()): AsyncGenerator<EntriesPage> {
    for (const id of ids) {
      const page = await this.#unsealed(id);
      if (page.type === 'list') {
        const below = enterList(trail, id);
        if (below instanceof NbakError) throw below;
        yield* this.entriesPages(page.children, below);
      } else if (page.type === 'entries') yield page;
      else throw wrongType(id, page.type);
    }
  }

  /** One content page, its seal opened. */
  async contentPage(id: PageId): Promise<ContentPage> {
    const page = await this.#unsealed(id);
    if (page.type !== 'content') throw wrongType(id, page.type);
    return page;
  }

  async #unsealed(id: PageId): Promise<Page> {
    const page = await this.stored(id);
    // §0, fail closed: a page of plain names in a repository of sealed ones, or the reverse, is not what init promised.
    const isPublic = page.type === 'public';
    if (page.type !== 'list' && isPublic !== (this.#repository.names === 'sealed'))
      throw wrongType(id, page.type);
    return isPublic ? this.#open(id, page) : page;
  }

  async #open(id: PageId, page: PublicPage): Promise<Page> {
    if (this.#blobs === undefined) {
      throw new NbakError(
        'KEY_MISSING',
        'The names in this repository are sealed: the vault key is needed to read them',
        {
          hint: 'Give it with NBAK_VAULT_KEY, --vault-key-file or --vault-key-command.',
        },
      );
    }
    return sealedPageOf(id, page, await this.#blobs.read(page.sealed.id));
  }
}

/**
 * The page that a public page stands for, from the blob that seals it (§10.7).
 *
 * @throws NbakError `REFERENCE_TAMPERED` when the two contradict each other, or what decoding it throws.
 */
export function sealedPageOf(
  id: PageId,
  page: PublicPage,
  { plaintext, kind }: Pick<ReadBlob, 'plaintext' | 'kind'>,
): EntriesPage | ContentPage {
  const sealed = kind === BLOB_KINDS.sealedPage ? decodePage(plaintext) : undefined;
  const agrees =
    sealed !== undefined &&
    (sealed.type === 'entries' || sealed.type === 'content') &&
    sealed.dedup === page.dedup &&
    sealed.children.join() === page.children.join() &&
    sealed.blobs.length === page.blobs.length &&
    sealed.blobs.every((row, i) => isSameRow(row, page.blobs[i]));
  if (agrees) return sealed;
  throw new NbakError('REFERENCE_TAMPERED', `${pageName(id)} and its sealed part contradict each other`, {
    details: { object: pageName(id), clause: '§10.7' },
  });
}

function isSameRow(row: BlobRow, other: BlobRow | undefined): boolean {
  return row.id === other?.id && row.length === other.length;
}

function wrongType(id: PageId, type: string): NbakError {
  return new NbakError(
    'REFERENCE_TAMPERED',
    `${pageName(id)} is a page of type ${type} where another is due`,
    {
      details: { object: pageName(id), clause: '§10.2' },
    },
  );
}

/** Where a walk over lists is: how deep, and which lists of the backup it has entered. */
export interface ListTrail {
  readonly depth: number;
  readonly entered: Set<PageId>;
}

/** The trail of a walk that begins at a manifest. */
export function startTrail(): ListTrail {
  return { depth: 0, entered: new Set() };
}

/**
 * Enters a list (§10.2).
 *
 * @returns the trail below it, or the error when lists nest too deep or this one stands in a second place: lists of
 *   lists that repeat would make a walk longer than any storage is large.
 */
export function enterList({ depth, entered }: ListTrail, id: PageId): ListTrail | NbakError {
  if (depth >= LIMITS.pageDepth) {
    return new NbakError('LIMIT_EXCEEDED', `Page lists nest deeper than ${LIMITS.pageDepth}`, {
      details: { object: pageName(id), limit: 'pageDepth' },
    });
  }
  if (entered.has(id)) {
    return new NbakError('REFERENCE_TAMPERED', `${pageName(id)} is a list that a backup names twice`, {
      details: { object: pageName(id), clause: '§10.2' },
    });
  }
  entered.add(id);
  return { depth: depth + 1, entered };
}

/** The id of a stored page's bytes. */
export function pageIdOf(repository: Pick<Repository, 'crypto'>, stored: Uint8Array): PageId {
  return toHex(repository.crypto.sha256(stored)) as PageId;
}
