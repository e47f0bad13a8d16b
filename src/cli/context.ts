/** What commands work with: repository, keys, catalog and engine, opened as the options say and closed at the end. */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { nodeCrypto } from '../crypto/node.js';
import { NbakError } from '../errors.js';
import type { BlobSecrets } from '../repository/blob-crypto.js';
import { defaultCacheDirectory } from '../repository/cache-directory.js';
import { openCatalog, type Catalog } from '../repository/catalog.js';
import { ManifestCatalog } from '../repository/catalog-manifests.js';
import { openContentReader, type ContentReader } from '../repository/content-reader.js';
import {
  openUnpinned,
  openWithPublicKey,
  openWithVaultKey,
  type Repository,
  type UnlockedRepository,
} from '../repository/open.js';
import type { PackChecker } from '../repository/pack-check.js';
import { createPackChecker } from '../repository/workers/pack-checker.js';
import { openLocalStorage } from '../storage/local.js';
import type { Storage } from '../storage/storage.js';
import { readVaultKey } from '../vault/key-source.js';
import { parseVaultKey } from '../vault/vault-key.js';
import { formatVerificationKey, parseVerificationKey } from '../vault/verification-key.js';
import { parseThreads, usage, type GlobalOptions } from './options.js';
import { note } from './terminal.js';

/** A repository opened for reading, with the vault key where one was given. */
export interface OpenedRepository {
  readonly repository: Repository;
  readonly unlocked: UnlockedRepository | undefined;
  /** False when no key was given: then the repository vouches for itself, which proves nothing. */
  readonly verified: boolean;
}

/** What one run of the program has open. */
export class Context implements AsyncDisposable {
  readonly options: GlobalOptions;
  readonly threads: number;
  readonly signal: AbortSignal;
  readonly #closing: (() => Promise<void> | void)[] = [];
  #catalog: Catalog | undefined;

  constructor(options: GlobalOptions, signal: AbortSignal) {
    this.options = options;
    this.threads = parseThreads(options);
    this.signal = signal;
  }

  /** The path of the repository. */
  get repositoryPath(): string {
    const path = this.options.repository ?? process.env['NBAK_REPOSITORY'];
    if (path === undefined || path === '')
      throw usage('No repository was given: use -r DIR or NBAK_REPOSITORY');
    return resolve(path);
  }

  /** The vault key's text, undefined where none was given. */
  vaultKeyText(): string | undefined {
    const { vaultKeyFile: file, vaultKeyCommand: command } = this.options;
    const environment = process.env['NBAK_VAULT_KEY'];
    return readVaultKey({
      ...(file !== undefined && { file }),
      ...(command !== undefined && { command }),
      ...(environment !== undefined && { environment }),
    });
  }

  async openStorage(mode: 'existing' | 'create' = 'existing'): Promise<Storage> {
    const storage = await openLocalStorage(this.repositoryPath, { mode });
    this.#closing.push(() => storage.close());
    return storage;
  }

  /** Opens with the vault key. */
  async unlock(): Promise<UnlockedRepository> {
    const text = this.vaultKeyText();
    if (text === undefined) {
      throw new NbakError('KEY_MISSING', 'The vault key is needed and none was given', {
        hint: 'Give it with NBAK_VAULT_KEY, --vault-key-file or --vault-key-command.',
      });
    }
    const keyBytes = parseVaultKey(text);
    const unlocked = await openWithVaultKey(await this.openStorage(), nodeCrypto, keyBytes);
    this.#assertPin(unlocked);
    return unlocked;
  }

  /** Opens with whatever keys were given; a pinned public key must agree with the vault key. */
  async open(): Promise<OpenedRepository> {
    const text = this.vaultKeyText();
    if (text !== undefined) {
      const unlocked = await this.unlock();
      return { repository: unlocked, unlocked, verified: true };
    }
    const pinned = this.publicKey();
    const storage = await this.openStorage();
    if (pinned !== undefined) {
      return {
        repository: await openWithPublicKey(storage, nodeCrypto, pinned),
        unlocked: undefined,
        verified: true,
      };
    }
    return { repository: await openUnpinned(storage, nodeCrypto), unlocked: undefined, verified: false };
  }

  /** The pinned verification key, undefined where none was given. */
  publicKey(): Uint8Array | undefined {
    const file = this.publicKeyFile;
    if (file !== undefined) return parseVerificationKey(readPublicKeyFile(file));
    const given = this.#givenPublicKey;
    return given === undefined ? undefined : parseVerificationKey(given);
  }

  /** The file that holds the pinned key, where it was not given as text. */
  get publicKeyFile(): string | undefined {
    const given = this.#givenPublicKey;
    return given === undefined || given.trim().startsWith('nbakpub1') ? undefined : given;
  }

  get #givenPublicKey(): string | undefined {
    const given = this.options.publicKey ?? process.env['NBAK_PUBLIC_KEY'];
    return given === '' ? undefined : given;
  }

  /** The catalog of the repository; in memory where the cache directory cannot be used. */
  catalog(repository: Repository): Catalog {
    this.#catalog ??= this.#openCatalog(repository);
    return this.#catalog;
  }

  /** Which manifests were verified before. */
  manifests(repository: Repository): ManifestCatalog {
    return new ManifestCatalog(this.catalog(repository), repository);
  }

  get cacheDirectory(): string {
    const { cacheDir = '' } = this.options;
    return cacheDir === '' ? defaultCacheDirectory() : resolve(cacheDir);
  }

  /** A pack checker that is closed with the context; with secrets it opens every blob. One thread is this one. */
  packChecker(secrets?: BlobSecrets): PackChecker {
    const checker = createPackChecker(this.threads - 1, secrets);
    this.#closing.push(() => checker.close());
    return checker;
  }

  /** What reads content: blobs, pages and digests; closed with the context. */
  async reader(unlocked: UnlockedRepository): Promise<ContentReader> {
    const reader = await openContentReader(unlocked, this.catalog(unlocked), this.threads);
    this.#closing.push(() => reader.engine.close());
    return reader;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closing.reverse()) await close();
  }

  #openCatalog(repository: Repository): Catalog {
    let catalog: Catalog;
    try {
      catalog = openCatalog(this.cacheDirectory, repository.id);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (this.options.quiet !== true)
        note(`The cache in ${this.cacheDirectory} cannot be used (${why}); going on without.`);
      catalog = openCatalog(undefined, repository.id);
    }
    this.#closing.push(() => void catalog.close());
    return catalog;
  }

  /** Both keys given: the vault key must not open another repository than the pinned one. */
  #assertPin(unlocked: UnlockedRepository): void {
    const pinned = this.publicKey();
    if (pinned === undefined || nodeCrypto.equalInConstantTime(pinned, unlocked.verificationKey)) return;
    throw new NbakError('SIGNER_UNKNOWN', 'The public key is not the one that belongs to the vault key', {
      details: {
        repository: this.repositoryPath,
        verificationKey: formatVerificationKey(unlocked.verificationKey),
      },
      hint: 'Either the public key is another repository’s, or the repository was replaced.',
    });
  }
}

function readPublicKeyFile(file: string): string {
  try {
    return readFileSync(file, { encoding: 'utf8' });
  } catch (cause) {
    const { code = 'error' } = cause as NodeJS.ErrnoException;
    throw new NbakError('PUBLIC_KEY_MISSING', `Cannot read the public key file ${file}: ${code}`, {
      details: { file, code },
      hint: 'Give the key itself (nbakpub1…) or the path of a file that holds it.',
      cause,
    });
  }
}
