/**
 * nbak as a library: encrypted, signed, deduplicating backups of live application state.
 *
 * Operations are functions over a repository that was opened; they never print, take a signal and report progress.
 *
 * @example
 * ```ts
 * import { initRepository, memoryStorage, nodeCrypto, openWithPublicKey, openWithVaultKey } from 'nbak';
 *
 * const storage = memoryStorage();
 * const keyBytes = nodeCrypto.randomBytes(32);
 * const { verificationKey } = await initRepository(storage, nodeCrypto, {
 *   keyBytes,
 *   names: 'plain',
 *   now: Date.now(),
 * });
 * const mine = await openWithVaultKey(storage, nodeCrypto, keyBytes);
 * const anybodys = await openWithPublicKey(storage, nodeCrypto, verificationKey);
 * console.assert(mine.id === anybodys.id);
 * ```
 */

export {
  ERROR_CODES,
  isNbakError,
  NbakError,
  type ErrorCode,
  type ErrorDetails,
  type ErrorOptions,
} from './errors.js';

export type { CryptoProvider, RunningSha256 } from './crypto/provider.js';
export { nodeCrypto } from './crypto/node.js';

export type { BackupId, BlobId, PackId, PageId, RepositoryId } from './format/ids.js';
export type {
  Cut,
  Manifest,
  ManifestDetail,
  ManifestRoot,
  NamesMode,
  Purpose,
  Scope,
  Totals,
} from './format/manifest.js';
export type { AppKeyOrigin, AppKeyRow, ListedPlace, TokenCount } from './format/app-keys.js';
export type { DatabaseFacts, Entry, EntryExtra, EntryKind, Piece, Timestamp } from './format/entry.js';
export type { BlobRow, Owner, PlainBlobRow } from './format/page.js';
export type { BytePath } from './format/path.js';

export type {
  ByteRange,
  ForeignEntry,
  ObjectFile,
  ObjectInfo,
  ObjectName,
  ObjectWriter,
  Storage,
} from './storage/storage.js';
export { openLocalStorage, type LocalStorageOptions } from './storage/local.js';
export { memoryStorage, type MemoryStorageOptions } from './storage/memory.js';

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
export { HeadCatalog, type RememberedHead } from './repository/catalog-heads.js';
export { openContentReader, type ContentReader } from './repository/content-reader.js';
export type { BlobReader } from './repository/blob-reader.js';
export { PageReader } from './repository/pages.js';
export { readEntries, type BackedUpEntry, type BackedUpPiece } from './repository/entries.js';
export {
  readBackup,
  readBackups,
  readDetail,
  type Backup,
  type PlacedBackup,
  type UnreadableBackup,
} from './repository/manifests.js';
export {
  resolveBackup,
  type BackupFilter,
  type DescribedBackup,
  type DescribedSummary,
} from './repository/resolve.js';
export type { DataRun } from './repository/file-data.js';
export type { BackupSummary } from './repository/summaries.js';
export type { DetailSummary, ManifestSummary } from './repository/catalog-manifests.js';
export { createPackChecker } from './repository/workers/pack-checker.js';
export type { FrameChecker, PackChecker } from './repository/pack-check.js';

export type { RuledSource } from './source/ruled-source.js';
export type {
  AppKeyDeclaration,
  AppKeySource,
  TokenPlace,
  TokensInDatabase,
  TokensInFile,
  TokenText,
} from './source/profiles/app-keys.js';
export type {
  Elsewhere,
  StateFinding,
  Profile,
  Restoring,
  ProfileRule,
  RunningSign,
  Treatment,
} from './source/profiles/profile.js';
export { BUILT_IN_PROFILES, builtInProfile } from './source/profiles/built-in.js';
export { processEnvironment, type Environment } from './source/profiles/environment.js';
export { applyProfiles, type LeftOut, type ProfiledSources } from './source/profiles/apply.js';
export type { ProfileRequest } from './source/profiles/rules-in-force.js';
export type { RunningApplication } from './source/profiles/running.js';
export { homesOf } from './source/profiles/homes.js';
export {
  reportOn,
  type ProfileReport,
  type ReportedEntry,
  type ReportedRule,
} from './source/profiles/report.js';

export { backup } from './backup/backup.js';
export { planBackup, type BackupPlan } from './backup/plan.js';
export {
  isComplete,
  type BackupLabels,
  type BackupOptions,
  type BackupOrigin,
  type BackupProblem,
  type BackupProgress,
  type BackupResult,
  type BackupSelection,
  type TornLine,
} from './backup/result.js';
export type { Decryption } from './verify/decrypt.js';
export { verify } from './verify/verify.js';
export {
  verdictExit,
  type HeadMemory,
  type VerifyOptions,
  type VerifyProblem,
  type VerifyProgress,
  type VerifyResult,
} from './verify/result.js';
export { planForget, type ForgetPlan } from './retention/plan.js';
export { olderThan } from './retention/older-than.js';
export { forget, type ForgetOptions, type ForgetResult } from './retention/forget.js';
export { planRestore } from './restore/plan.js';
export { restore } from './restore/restore.js';
export { planRestoreOver, restoreOver } from './restore/in-place/restore-over.js';
export { resumeRestore, type ResumeOptions } from './restore/in-place/resume.js';
export type {
  RestoreOverOptions,
  RestoreOverPlan,
  RestoreOverResult,
  ResumeResult,
} from './restore/in-place/result.js';
export type { SwapPolicy } from './restore/in-place/compare.js';
export type {
  PlannedEntry,
  RestoredDatabase,
  RestoreOptions,
  RestorePlan,
  RestoreProblem,
  RestoreProgress,
  RestoreResult,
  RestoreSource,
} from './restore/result.js';
export type { Selection } from './restore/selection.js';
export type { TokenTally } from './source/tokens/token-counter.js';
export { checkDatabaseData, type IntegrityVerdict, type PlacedBytes } from './source/sqlite/integrity.js';

export { importBackup, type ImportRequest, type ImportResult } from './exchange/import.js';
export type { FormatName } from './exchange/format.js';
export type { ImportWish } from './exchange/staging.js';
export type { ExportResult, ExportTask } from './exchange/export.js';
export { exportChaosCypher, type ChaosCypherWish } from './exchange/chaos-cypher/export.js';
export { exportOdysseus, type OdysseusWish } from './exchange/odysseus/export.js';
export { exportV1, type V1ExportWish } from './exchange/v1/export.js';
export { findV1Directories, V1Directory, type StoredFile } from './exchange/v1/directory.js';
export { restoreV1, type V1Access, type V1Restored } from './exchange/v1/restore.js';
export { verifyV1, type V1Problem, type V1Verification } from './exchange/v1/verify.js';
export type { V1Entry, V1Era, V1Manifest } from './format/v1/manifest.js';
export type { FileTime } from './restore/attributes.js';

export { examine } from './doctor/doctor.js';
export type { CheckName, Finding, FindingVerdict } from './doctor/finding.js';
export type { KeyOrigins, OpenedSetUp, Places, SetUp } from './doctor/set-up.js';

export { BackupManager, getNodynDir } from './compat/backup-manager.js';
export type { BackupEntry } from './compat/entry.js';
export type { CreateOutcome, RestoreOutcome, VerifyOutcome } from './compat/outcomes.js';
export type { BackupManagerOptions } from './compat/settings.js';
