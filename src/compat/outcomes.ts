/** What the calls of a `BackupManager` come to; the names are nodyn's. */

import type { ErrorCode } from '../errors.js';
import type { BackupEntry } from './entry.js';

/** What `createBackup` came to. */
export interface CreateOutcome {
  /** False also where the backup is there and incomplete: then there is a `path` too. */
  readonly success: boolean;
  /** Empty where there is no backup. */
  readonly path: string;
  readonly manifest?: BackupEntry;
  /** Secrets that stayed out, such as a file with the vault key in use, and what lies elsewhere; a sentence each. */
  readonly left_out?: readonly string[];
  readonly duration_ms: number;
  readonly error?: string;
  readonly code?: ErrorCode;
}

/** What `verifyBackup` found. */
export interface VerifyOutcome {
  readonly valid: boolean;
  readonly errors: readonly string[];
  readonly files_checked: number;
}

/** What `restoreBackup` came to. */
export interface RestoreOutcome {
  /** False: the directory is what it was, unless `error` says that the swap has to be finished. */
  readonly success: boolean;
  /** The safety backup; empty where there was nothing to back up. */
  readonly pre_restore_backup_path: string;
  readonly files_restored: number;
  readonly duration_ms: number;
  readonly error?: string;
  readonly code?: ErrorCode;
}
