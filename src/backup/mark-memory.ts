/** What a backup remembers of a database's chunks, so that the next one need not hash those that did not change (§3.12). */

import { ZERO_NONCE } from '../crypto/provider.js';
import { concatBytes } from '../format/bytes.js';
import { currentDedup } from '../format/epoch-record.js';
import type { BytePath } from '../format/path.js';
import type { Catalog } from '../repository/catalog.js';
import { MarkCatalog } from '../repository/catalog-marks.js';
import { keySchedule } from '../vault/key-schedule.js';
import { cacheKey } from './last-backup.js';
import type { BackupRoot } from './scope.js';
import type { Session } from './session.js';

const SALT_BYTES = 16;

/** Tables of marks, sealed in the cache. */
export class MarkMemory {
  readonly #session: Session;
  readonly #tables: MarkCatalog;

  constructor(session: Session, catalog: Catalog) {
    this.#session = session;
    this.#tables = new MarkCatalog(catalog);
  }

  /** The table of a database; empty where there is none, or none that opens. */
  tableOf(root: BackupRoot, path: BytePath): Uint8Array {
    const place = cacheKey(this.#session, root, path);
    const sealed = this.#tables.tableOf(place);
    if (sealed === undefined) return NO_TABLE;
    const key = this.#keyOf(sealed.subarray(0, SALT_BYTES), place);
    return (
      this.#session.repository.crypto.aesGcmOpen(key, ZERO_NONCE, sealed.subarray(SALT_BYTES)) ?? NO_TABLE
    );
  }

  /** Replaces the table of a database. */
  remember(root: BackupRoot, path: BytePath, table: Uint8Array): void {
    const { crypto } = this.#session.repository;
    const place = cacheKey(this.#session, root, path);
    const salt = crypto.randomBytes(SALT_BYTES);
    const sealed = crypto.aesGcmSeal(this.#keyOf(salt, place), ZERO_NONCE, table);
    this.#tables.remember(place, concatBytes(salt, sealed));
  }

  #keyOf(salt: Uint8Array, place: Uint8Array): Uint8Array {
    const { crypto, id, secrets } = this.#session.repository;
    return keySchedule(crypto, id).markTableKey(currentDedup(secrets).secret, salt, place);
  }
}

const NO_TABLE = new Uint8Array(0);
