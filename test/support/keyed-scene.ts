/** A repository in memory and the directory of an application whose app keys a backup carries. */

import { join } from 'node:path';
import { backup } from '#nbak/backup/backup.js';
import type { BackupOptions, BackupResult } from '#nbak/backup/result.js';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { openCatalog, type Catalog } from '#nbak/repository/catalog.js';
import { initRepository } from '#nbak/repository/init.js';
import { openWithVaultKey, type UnlockedRepository } from '#nbak/repository/open.js';
import type { AppKeyDeclaration } from '#nbak/source/profiles/app-keys.js';
import { plainSource } from '#nbak/source/ruled-source.js';
import { memoryStorage } from '#nbak/storage/memory.js';
import type { Storage } from '#nbak/storage/storage.js';
import { withDirectory } from './engine-run.js';
import { DECLARATION } from './keyed-application.js';

export interface Scene {
  /** Called `data`; not there yet. */
  readonly source: string;
  /** Where a restore may go. */
  readonly target: string;
  readonly storage: Storage;
  readonly keyBytes: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly repository: UnlockedRepository;
  /** Backs the source up, under {@link DECLARATION} unless others are given. */
  readonly run: (
    appKeys?: readonly AppKeyDeclaration[],
    onProgress?: BackupOptions['onProgress'],
  ) => Promise<BackupResult>;
}

/** Runs `use` with a scene, which is removed afterwards. */
export async function withScene(
  names: 'plain' | 'sealed',
  use: (scene: Scene) => Promise<void>,
): Promise<void> {
  await withDirectory(async (directory) => {
    const storage = memoryStorage();
    const keyBytes = nodeCrypto.randomBytes(32);
    const created = await initRepository(storage, nodeCrypto, { keyBytes, names, now: Date.now() });
    const repository = await openWithVaultKey(storage, nodeCrypto, keyBytes);
    const catalog = openCatalog(undefined, repository.id);
    const source = join(directory, 'data');
    try {
      await use({
        source,
        target: join(directory, 'restored'),
        storage,
        keyBytes,
        publicKey: created.verificationKey,
        repository,
        run: (appKeys = [DECLARATION], onProgress) =>
          backUpKeyed(repository, catalog, {
            source,
            staging: directory,
            appKeys,
            ...(onProgress && { onProgress }),
          }),
      });
    } finally {
      catalog.close();
    }
  });
}

/** One backup of a directory under declarations of app keys. */
export function backUpKeyed(
  repository: UnlockedRepository,
  catalog: Catalog,
  of: {
    readonly source: string;
    readonly staging: string;
    readonly appKeys: readonly AppKeyDeclaration[];
    readonly onProgress?: NonNullable<BackupOptions['onProgress']>;
  },
): Promise<BackupResult> {
  return backup(repository, catalog, {
    selection: {
      sources: [{ ...plainSource(of.source), appKeys: of.appKeys }],
      exclude: [],
      excludeCaches: false,
      oneFileSystem: false,
      skip: [],
    },
    labels: { host: 'h', tags: [], purpose: 'ordinary', writer: 't' },
    stagingDirectory: of.staging,
    lockWaitMs: 1000,
    threads: 0,
    ...(of.onProgress && { onProgress: of.onProgress }),
  });
}
