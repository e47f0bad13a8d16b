/** What a backup remembers of databases for the next one: the marks of their chunks, and where they lie (§3.12). */

import { ZERO_NONCE } from '../crypto/provider.js';
import { concatBytes } from '../format/bytes.js';
import { currentDedup } from '../format/epoch-record.js';
import type { BytePath } from '../format/path.js';
import type { Catalog } from '../repository/catalog.js';
import { MarkCatalog } from '../repository/catalog-marks.js';
import { keySchedule } from '../vault/key-schedule.js';
import { fromLatin1, toLatin1 } from '../source/sqlite/header.js';
import { cacheKey } from './last-backup.js';
import type { BackupRoot } from './scope.js';
import type { Session } from './session.js';

const SALT_BYTES = 16;

/** Kept sealed in the cache. */
export class DatabaseMemory {
  readonly #session: Session;
  readonly #tables: MarkCatalog;

  constructor(session: Session, catalog: Catalog) {
    this.#session = session;
    this.#tables = new MarkCatalog(catalog);
  }

  /** The marks of a database; empty where there are none, or none that open. */
  marksOf(root: BackupRoot, path: BytePath): Uint8Array {
    return this.#open(root, path);
  }

  /** Replaces the marks of a database. */
  rememberMarks(root: BackupRoot, path: BytePath, table: Uint8Array): void {
    this.#seal(root, path, table);
  }

  /** Where the last backup found databases below a root, in path order. */
  pathsOf(root: BackupRoot): readonly BytePath[] {
    const paths = toLatin1(this.#open(root, ROOT));
    return paths === '' ? [] : (paths.split(SEPARATOR) as BytePath[]);
  }

  /** Replaces what is remembered of where they are. */
  rememberPaths(root: BackupRoot, paths: readonly BytePath[]): void {
    const known = this.pathsOf(root);
    if (paths.join(SEPARATOR) === known.join(SEPARATOR)) return;
    this.#seal(root, ROOT, fromLatin1(paths.join(SEPARATOR)));
  }

  #open(root: BackupRoot, path: BytePath): Uint8Array {
    const place = cacheKey(this.#session, root, path);
    const sealed = this.#tables.tableOf(place);
    if (sealed === undefined) return NO_TABLE;
    const key = this.#keyOf(sealed.subarray(0, SALT_BYTES), place);
    return (
      this.#session.repository.crypto.aesGcmOpen(key, ZERO_NONCE, sealed.subarray(SALT_BYTES)) ?? NO_TABLE
    );
  }

  #seal(root: BackupRoot, path: BytePath, table: Uint8Array): void {
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
/** No database has this path, and no path this character (§10.3). */
const ROOT = '' as BytePath;
const SEPARATOR = '\0';
