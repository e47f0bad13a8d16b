/**
 * nbak as a library: encrypted, signed, deduplicating backups of live application state.
 *
 * @example
 * ```ts
 * import { backup, initRepository, memoryStorage, nodeCrypto, openCatalog, openWithVaultKey } from 'nbak';
 *
 * const storage = memoryStorage();
 * const keyBytes = nodeCrypto.randomBytes(32);
 * await initRepository(storage, nodeCrypto, { keyBytes, names: 'plain', now: Date.now() });
 * const repository = await openWithVaultKey(storage, nodeCrypto, keyBytes);
 * ```
 */

export { ERROR_CODES, isNbakError, NbakError, type ErrorCode, type ErrorDetails } from './errors.js';

export type { CryptoProvider } from './crypto/provider.js';
export { nodeCrypto } from './crypto/node.js';

export type { BackupId, BlobId, PackId, PageId, RepositoryId } from './format/ids.js';
export type { Cut, Manifest, ManifestDetail, NamesMode, Purpose } from './format/manifest.js';

export type { ObjectInfo, ObjectName, Storage } from './storage/storage.js';
export { openLocalStorage } from './storage/local.js';
export { memoryStorage } from './storage/memory.js';

export { assertUnguessable, formatVaultKey, parseVaultKey } from './vault/vault-key.js';
export { formatVerificationKey, parseVerificationKey } from './vault/verification-key.js';

export { initRepository, type CreatedRepository } from './repository/init.js';
export {
  openUnpinned,
  openWithPublicKey,
  openWithVaultKey,
  type Repository,
  type UnlockedRepository,
} from './repository/open.js';
export { openCatalog, type Catalog } from './repository/catalog.js';
export { BlobCatalog } from './repository/catalog-blobs.js';
export { HeadCatalog } from './repository/catalog-heads.js';
export { BlobReader } from './repository/blob-reader.js';
export { PageReader } from './repository/pages.js';
export { readEntries, type BackedUpEntry } from './repository/entries.js';
export { readBackup, readBackups, readDetail, type Backup } from './repository/manifests.js';
export { resolveBackup, type BackupFilter, type DescribedBackup } from './repository/resolve.js';
export { createEngine } from './repository/workers/index.js';
export { createPackChecker } from './repository/workers/pack-checker.js';
export type { PackChecker } from './repository/pack-check.js';

export { backup } from './backup/backup.js';
export { planBackup, type BackupPlan } from './backup/plan.js';
export { isComplete, type BackupOptions, type BackupProgress, type BackupResult } from './backup/result.js';
export { verify } from './verify/verify.js';
export { verdictExit, type VerifyOptions, type VerifyProblem, type VerifyResult } from './verify/result.js';
export { planRestore } from './restore/plan.js';
export { restore } from './restore/restore.js';
export type { RestoreOptions, RestorePlan, RestoreResult, RestoreSource } from './restore/result.js';
