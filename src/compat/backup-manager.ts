/** The surface of nodyn's backup module, on a repository of format version 2 (spec/library.md). */

import { homedir } from 'node:os';
import { join } from 'node:path';
import { isNbakError, type NbakError } from '../errors.js';
import { ask, askAndBlock } from './ask.js';
import type { BackupEntry } from './entry.js';
import type { CreateOutcome, RestoreOutcome, VerifyOutcome } from './outcomes.js';
import { restoreDirectory } from './restore.js';
import { settingsOf, type BackupManagerOptions, type Settings } from './settings.js';

const DEFAULT_RETENTION_DAYS = 30;

/** Where nodyn keeps its state: `~/.nodyn`. */
export function getNodynDir(): string {
  return join(homedir(), '.nodyn');
}

/**
 * Backups of one directory for applications written for nodyn: its documented code runs when the import is changed.
 *
 * @remarks Backups, lists, verifications and prunes are made in a process of their own, so that none of them touches
 *   the locks of databases that the caller has open. `listBackups`, `verifyBackup` and `pruneBackups` return without
 *   `await`, as nodyn's do: they block this thread until they are done. An application that must not wait uses
 *   `readBackups`, `verify` and `forget`, which do not block. The key is any text, nodyn's included; where the first
 *   backup makes the repository, one that could be guessed is refused.
 * @throws NbakError `ENCRYPTION_REQUIRED` for `encrypt: false` and for no key.
 *
 * @example
 * ```ts
 * import { BackupManager } from 'nbak';
 * import { mkdirSync, writeFileSync } from 'node:fs';
 *
 * mkdirSync('state');
 * writeFileSync('state/notes.md', 'Buy milk\n');
 * const key = 'c1dzOGVoYmR5dG4zN2ZqZXA2cTlrMnhtYTRydXo1bDg=';
 * const manager = new BackupManager('state', { backupDir: 'backups', retentionDays: 30 }, key);
 * const result = await manager.createBackup();
 * console.assert(result.success && manager.listBackups()[0]?.path === result.path);
 * console.assert(manager.verifyBackup(result.path).valid);
 * ```
 */
export class BackupManager {
  readonly #settings: Settings;
  readonly #retentionDays: number;

  constructor(directory: string, options: BackupManagerOptions, vaultKey: string | null) {
    this.#settings = settingsOf(directory, options, vaultKey);
    this.#retentionDays = options.retentionDays ?? DEFAULT_RETENTION_DAYS;
  }

  /** Backs the directory up as its profile says; the first backup makes the repository. Failures are in the result, none is thrown. */
  async createBackup(): Promise<CreateOutcome> {
    const startedAt = Date.now();
    try {
      const { entry, problems, leftOut } = await ask('create', this.#settings, { purpose: 'ordinary' });
      return {
        success: problems.length === 0,
        path: entry.path,
        manifest: entry,
        left_out: leftOut,
        duration_ms: Date.now() - startedAt,
        ...(problems.length > 0 && { error: `The backup is incomplete: ${problems.join('; ')}` }),
      };
    } catch (error) {
      if (!isNbakError(error)) throw error;
      const { code } = error;
      return { success: false, path: '', duration_ms: Date.now() - startedAt, error: told(error), code };
    }
  }

  /**
   * All backups in `backupDir`, newest first; none before the first one. Blocks.
   *
   * @throws NbakError where the repository cannot be opened: `KEY_WRONG` …
   */
  listBackups(): readonly BackupEntry[] {
    return askAndBlock('list', this.#settings, {});
  }

  /**
   * Reads everything that a backup reaches, opens it, compares every file and checks every database. Blocks. What is
   * wrong is in the result, none is thrown.
   *
   * @param path - of an entry of {@link listBackups}, or its id.
   */
  verifyBackup(path: string): VerifyOutcome {
    try {
      return askAndBlock('verify', this.#settings, { path });
    } catch (error) {
      if (!isNbakError(error)) throw error;
      return { valid: false, errors: [told(error)], files_checked: 0 };
    }
  }

  /**
   * Replaces what is in the directory by a backup, after a safety backup of it. What was there is kept beside the
   * directory, and nothing changes unless everything could be restored. Failures are in the result, none is thrown: one
   * is that another process works in the directory. The caller itself may have databases open there: it writes nothing
   * meanwhile, and closes them before it opens anything there again.
   *
   * @param path - of an entry of {@link listBackups}, or its id.
   */
  async restoreBackup(path: string): Promise<RestoreOutcome> {
    const startedAt = Date.now();
    let safetyPath = '';
    const outcome = (): Omit<RestoreOutcome, 'success' | 'files_restored'> => ({
      pre_restore_backup_path: safetyPath,
      duration_ms: Date.now() - startedAt,
    });
    try {
      const { files } = await restoreDirectory(this.#settings, path, async () => {
        const { entry } = await ask('create', this.#settings, { purpose: 'safety' });
        safetyPath = entry.path;
      });
      return { success: true, files_restored: files, ...outcome() };
    } catch (error) {
      if (!isNbakError(error)) throw error;
      return { success: false, files_restored: 0, ...outcome(), error: told(error), code: error.code };
    }
  }

  /**
   * Forgets backups of the directory that are older than `days` calendar days, never the newest; 0 forgets nothing.
   * Signed tombstones say that it was on purpose. Space is freed by a later prune. Blocks.
   *
   * @returns how many were forgotten.
   * @throws NbakError where a manifest cannot be read, or the repository not be opened or written to; RangeError where
   *   `days` is not a number.
   */
  pruneBackups(days: number = this.#retentionDays): number {
    if (Number.isNaN(days)) throw new RangeError('pruneBackups expects a number of days');
    return days > 0 ? askAndBlock('prune', this.#settings, { days }) : 0;
  }
}

/** The message and what to do next: these results have no other place for it. */
function told({ message, hint }: NbakError): string {
  return hint === undefined ? message : `${message}. ${hint}`;
}
