/** Which manifests were read and verified, and what lists need of them: `nbak list` need not do it again. */

import type { CryptoProvider } from '../crypto/provider.js';
import { toHex, utf8 } from '../format/bytes.js';
import type { BackupId } from '../format/ids.js';
import type { Manifest, ManifestDetail } from '../format/manifest.js';
import type { BlobRow } from '../format/page.js';
import { sqliteCode } from '../source/sqlite/sqlite-errors.js';
import type { KeyRing } from '../vault/signing.js';
import type { Catalog } from './catalog.js';

/** What of a detail is shown in lists and chosen by. */
export type DetailSummary = Pick<ManifestDetail, 'host' | 'roots' | 'tags' | 'cut'>;

/** What of a manifest is shown in lists and chosen by, and its place in history; as JSON it is small. */
export interface ManifestSummary extends Pick<
  Manifest,
  'epoch' | 'time' | 'signedAt' | 'parents' | 'sequence' | 'purpose' | 'totals'
> {
  /** With sealed names the blob that seals it: names are in the cache as they are in the repository. */
  readonly detail: DetailSummary | BlobRow;
}

/** A manifest that was verified. */
export interface RememberedManifest {
  readonly id: BackupId;
  /** What storage said of the object when it was read; when it says something else, it is read again. */
  readonly size: number;
  readonly modifiedMs: number;
  readonly summary: ManifestSummary;
}

interface Row {
  readonly id: string;
  readonly size: number;
  readonly modified: number;
  readonly summary: string;
}

/** Remembers manifests per key ring: what one pinned key vouches for, another may not. */
export class ManifestCatalog {
  readonly #catalog: Catalog;
  readonly #ring: string;

  constructor(
    catalog: Catalog,
    { crypto, keyRing }: { readonly crypto: CryptoProvider; readonly keyRing: KeyRing },
  ) {
    const keys = keyRing.keys.map(({ publicKey, role, epoch }) => `${toHex(publicKey)} ${role} ${epoch}`);
    this.#ring = toHex(crypto.sha256(utf8(keys.join('\n'))));
    this.#catalog = catalog;
  }

  /** All that is remembered. */
  remembered(): ReadonlyMap<BackupId, RememberedManifest> {
    const rows = this.#catalog
      .prepare<[string], Row>('SELECT id, size, modified, summary FROM manifests WHERE ring = ?')
      .all(this.#ring);
    const all = rows.map(({ id, size, modified, summary }): RememberedManifest => ({
      id: id as BackupId,
      size,
      modifiedMs: modified,
      summary: JSON.parse(summary) as ManifestSummary,
    }));
    return new Map(all.map((each) => [each.id, each]));
  }

  /** Remembers manifests that were verified just now, and forgets some. */
  update(verified: readonly RememberedManifest[], forgotten: readonly BackupId[]): void {
    if (verified.length === 0 && forgotten.length === 0) return;
    try {
      this.#write(verified, forgotten);
    } catch (error) {
      // Who only looks at a repository can do so on a full disk.
      if (sqliteCode(error) === '') throw error;
    }
  }

  #write(verified: readonly RememberedManifest[], forgotten: readonly BackupId[]): void {
    this.#catalog.transaction(() => {
      const put = this.#catalog.prepare(
        'INSERT OR REPLACE INTO manifests (ring, id, size, modified, summary) VALUES (?, ?, ?, ?, ?)',
      );
      for (const { id, size, modifiedMs, summary } of verified)
        put.run(this.#ring, id, size, modifiedMs, JSON.stringify(summary));
      const forget = this.#catalog.prepare('DELETE FROM manifests WHERE ring = ? AND id = ?');
      for (const id of forgotten) forget.run(this.#ring, id);
    })();
  }
}
