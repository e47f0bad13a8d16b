/** A backup as an application that knows nodyn's backups sees it. */

import { join } from 'node:path';
import type { NbakError } from '../errors.js';
import type { BackupId } from '../format/ids.js';
import type { ManifestDetail, Purpose } from '../format/manifest.js';
import { pathToText } from '../format/path.js';
import type { DetailSummary } from '../repository/catalog-manifests.js';
import { manifestName } from '../repository/object-names.js';
import type { BackupSummary } from '../repository/summaries.js';

/** One backup in a list. The names are nodyn's, so that code that shows them need not change. */
export interface BackupEntry {
  /** What `verifyBackup` and `restoreBackup` take: the file of its signed manifest. */
  readonly path: string;
  /** The backup's id, which the program `nbak` takes too. */
  readonly backup_id: string;
  /** ISO 8601, the moment whose state it is. */
  readonly created_at: string;
  /** The directory that was backed up. */
  readonly nodyn_dir: string;
  readonly encrypted: true;
  readonly purpose: Purpose;
  /** Of all files in it, in bytes. */
  readonly size_bytes: number;
  readonly file_count: number;
  /** Only where the manifest could not be read: why. Such entries come last, and nothing else of them is known. */
  readonly error?: string;
}

/** The path that stands for a backup. */
export function entryPath(backupDir: string, id: BackupId): string {
  return join(backupDir, manifestName(id));
}

/** A backup that can be read. */
export function entryOf(
  backupDir: string,
  { id, manifest }: BackupSummary,
  detail: DetailSummary | ManifestDetail | undefined,
): BackupEntry {
  return {
    path: entryPath(backupDir, id),
    backup_id: id,
    created_at: new Date(manifest.time).toISOString(),
    nodyn_dir: detail?.roots.map(({ path }) => pathToText(path)).join(', ') ?? '',
    encrypted: true,
    purpose: manifest.purpose,
    size_bytes: manifest.totals.bytes,
    file_count: manifest.totals.files,
  };
}

/** A backup that cannot be read. */
export function unreadableEntry(backupDir: string, id: BackupId, error: NbakError): BackupEntry {
  return {
    path: entryPath(backupDir, id),
    backup_id: id,
    created_at: '',
    nodyn_dir: '',
    encrypted: true,
    purpose: 'ordinary',
    size_bytes: 0,
    file_count: 0,
    error: error.message,
  };
}
