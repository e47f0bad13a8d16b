/** What a restore takes and tells. */

import type { ErrorCode } from '../errors.js';
import type { ManifestDetail } from '../format/manifest.js';
import type { BytePath } from '../format/path.js';
import type { BlobSecrets } from '../repository/blob-crypto.js';
import type { BlobReader } from '../repository/blob-reader.js';
import type { Backup } from '../repository/manifests.js';
import type { PageReader } from '../repository/pages.js';
import type { IntegrityVerdict } from '../source/sqlite/integrity.js';
import type { DigestKeys } from '../repository/file-data.js';
import type { BackedUpEntry } from '../repository/entries.js';
import type { TokenTally } from '../source/tokens/token-counter.js';
import type { Selection } from './selection.js';

/** Where a backup is read from. */
export interface RestoreSource {
  readonly backup: Backup;
  readonly detail: ManifestDetail;
  readonly pages: PageReader;
  readonly blobs: BlobReader;
  readonly keys: DigestKeys;
  /** With what threads open blobs. */
  readonly secrets: BlobSecrets;
}

/** How to restore. */
export interface RestoreOptions {
  readonly target: string;
  readonly selection: Selection;
  /** `full` runs `integrity_check` on every database. */
  readonly check: 'full' | 'none';
  /** Threads that open blobs and write files; 0 does it in this one. */
  readonly threads: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RestoreProgress) => void;
}

/** Where a restore is. */
export interface RestoreProgress {
  readonly filesDone: number;
  readonly filesTotal: number;
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

/** Something that was not restored. */
export interface RestoreProblem {
  readonly path: string;
  readonly code: ErrorCode;
  readonly message: string;
}

/** A database in the target. */
export interface RestoredDatabase {
  readonly path: string;
  readonly verdict: IntegrityVerdict['verdict'] | 'damaged-at-capture' | 'not-run';
  readonly message: string;
}

/** An entry and where in the target it goes. */
export interface PlannedEntry extends BackedUpEntry {
  /** Relative to the target: below the root's name where the backup has several roots. */
  readonly place: BytePath;
}

/** What a restore will do. */
export interface RestorePlan {
  readonly entries: readonly PlannedEntry[];
  readonly files: number;
  readonly directories: number;
  /** Of the files, without holes. */
  readonly bytes: number;
}

/** What a restore did. */
export interface RestoreResult {
  readonly files: number;
  readonly directories: number;
  readonly links: number;
  readonly fifos: number;
  readonly bytes: number;
  readonly databases: readonly RestoredDatabase[];
  /** Files that could not be restored. */
  readonly failed: readonly RestoreProblem[];
  /** What this user or system cannot restore: foreign owners and attributes, sockets, devices. Not a failure. */
  readonly notRestored: readonly string[];
  /** Tokens of the backup's app keys in what was restored: how many open, and do not (§22.4.1). */
  readonly tokens: TokenTally;
  readonly durationMs: number;
}
