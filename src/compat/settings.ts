/** What a `BackupManager` is made with. */

import { resolve } from 'node:path';
import { NbakError } from '../errors.js';

/** Options of {@link BackupManager}, as nodyn has them. */
export interface BackupManagerOptions {
  /** Where the repository is, or will be with the first backup: an absent or empty directory, or a repository. */
  readonly backupDir: string;
  /** What `pruneBackups()` takes when it is given none; default 30, and 0 forgets nothing. */
  readonly retentionDays?: number;
  /** Nothing but `true`, which is the default: there are no backups without encryption. */
  readonly encrypt?: boolean;
}

/** Where the state is, where its backups are, and what opens them. */
export interface Settings {
  readonly directory: string;
  readonly backupDir: string;
  /** Never printed, never an argument of a process. */
  readonly vaultKey: string;
}

/**
 * Checks what a manager is made with.
 *
 * @throws NbakError `ENCRYPTION_REQUIRED` without encryption or without a key.
 */
export function settingsOf(
  directory: string,
  options: BackupManagerOptions,
  vaultKey: string | null | undefined,
): Settings {
  const { backupDir, encrypt = true } = options;
  if (!encrypt) throw required('encrypt is false');
  // Undefined is what a variable that is not set gives where nothing checks types.
  if (vaultKey === undefined || vaultKey === null || vaultKey === '') throw required('there is no vault key');
  return { directory: resolve(directory), backupDir: resolve(backupDir), vaultKey };
}

function required(why: string): NbakError {
  return new NbakError('ENCRYPTION_REQUIRED', `Backups are always encrypted, and ${why}`, {
    hint: 'Give a vault key, such as `nbak key generate` makes, and leave encrypt out or true.',
  });
}
