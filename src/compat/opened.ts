/** The repository in a manager's backup directory, open, with its catalog. */

import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { nodeCrypto } from '../crypto/node.js';
import { isNbakError } from '../errors.js';
import { defaultCacheDirectory } from '../repository/cache-directory.js';
import type { BlobReader } from '../repository/blob-reader.js';
import { openCatalog, type Catalog } from '../repository/catalog.js';
import { openContentReader, type ContentReader } from '../repository/content-reader.js';
import { initRepository } from '../repository/init.js';
import { listBackupIds, readBackup, readDetail } from '../repository/manifests.js';
import { openWithVaultKey, type UnlockedRepository } from '../repository/open.js';
import { resolveId } from '../repository/resolve.js';
import type { RestoreSource } from '../restore/result.js';
import { openLocalStorage } from '../storage/local.js';
import { assertUnguessable, parseVaultKey } from '../vault/vault-key.js';
import type { Settings } from './settings.js';

/** As many as the program takes by default. */
export const THREADS = Math.min(availableParallelism(), 4);

/** What one call works with; closed at its end. */
export class Opened implements AsyncDisposable {
  readonly repository: UnlockedRepository;
  readonly catalog: Catalog;
  readonly #closing: (() => Promise<void> | void)[];

  private constructor(repository: UnlockedRepository) {
    this.repository = repository;
    this.catalog = openAnyCatalog(repository);
    this.#closing = [() => repository.storage.close(), () => void this.catalog.close()];
  }

  /**
   * Opens what is there.
   *
   * @throws NbakError `REPOSITORY_NOT_FOUND`, `KEY_WRONG`, `KEY_MALFORMED` …
   */
  static async existing({ backupDir, vaultKey }: Settings): Promise<Opened> {
    const keyBytes = parseVaultKey(vaultKey);
    const storage = await openLocalStorage(backupDir, { mode: 'existing' });
    try {
      return new Opened(await openWithVaultKey(storage, nodeCrypto, keyBytes));
    } catch (error) {
      await storage.close();
      throw error;
    }
  }

  /**
   * Opens what is there, or makes it.
   *
   * @throws NbakError `KEY_GUESSABLE`, `TARGET_NOT_EMPTY` where something else lies in that directory …
   */
  static async orCreated(settings: Settings): Promise<Opened> {
    try {
      return await Opened.existing(settings);
    } catch (error) {
      if (!isNbakError(error, 'REPOSITORY_NOT_FOUND')) throw error;
    }
    await assertUnguessable(settings.vaultKey);
    const storage = await openLocalStorage(settings.backupDir, { mode: 'create' });
    const keyBytes = parseVaultKey(settings.vaultKey);
    await initRepository(storage, nodeCrypto, { keyBytes, names: 'plain', now: Date.now() });
    await storage.close();
    return Opened.existing(settings);
  }

  /** What reads content, closed with the rest. */
  async reader(): Promise<ContentReader> {
    const reader = await openContentReader(this.repository, this.catalog, THREADS);
    this.#closing.push(() => reader.engine.close());
    return reader;
  }

  /** What reads details where names are sealed; undefined where nothing is needed for that. */
  async blobsForDetails(): Promise<BlobReader | undefined> {
    return this.repository.names === 'sealed' ? (await this.reader()).blobs : undefined;
  }

  /**
   * The backup that a path of `listBackups` stands for, or an id, with what reads it.
   *
   * @throws NbakError `BACKUP_NOT_FOUND`, or what reading its manifest throws.
   */
  async backup(path: string): Promise<RestoreSource> {
    const id = resolveId(await listBackupIds(this.repository), basename(path));
    const reader = await this.reader();
    const backup = await readBackup(this.repository, id);
    const detail = await readDetail(backup.manifest, reader.blobs);
    if (detail === undefined) throw new RangeError('a detail can be read with the vault key');
    return { ...reader, backup, detail };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closing.reverse()) await close();
  }
}

/** A catalog saves work, no more: where there is no place for one, it is in memory. */
function openAnyCatalog({ id }: UnlockedRepository): Catalog {
  try {
    return openCatalog(defaultCacheDirectory(), id);
  } catch {
    return openCatalog(undefined, id);
  }
}
