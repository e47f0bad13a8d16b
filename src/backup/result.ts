/** What a backup takes and what it tells: options, progress and result. */

import type { ErrorCode } from '../errors.js';
import type { AppKeyRow } from '../format/app-keys.js';
import type { BackupId } from '../format/ids.js';
import type { Cut, Purpose } from '../format/manifest.js';
import type { RuledSource } from '../source/ruled-source.js';

/** What to back up. */
export interface BackupSelection {
  /** Directories or files; `applyProfiles` gives those of an application rules of their own. */
  readonly sources: readonly (string | RuledSource)[];
  /** gitignore patterns, relative to each source. */
  readonly exclude: readonly string[];
  readonly excludeCaches: boolean;
  readonly oneFileSystem: boolean;
  /** Absolute paths that are never backed up: the repository, the cache. */
  readonly skip: readonly string[];
}

/** Where a state comes from that was not captured here and now, but is a backup of another program. */
export interface BackupOrigin {
  /** The moment whose state it is, milliseconds since 1970. */
  readonly time: number;
  /** The path that the one root is recorded with. */
  readonly path: string;
}

/** What the manifest says about the backup. */
export interface BackupLabels {
  readonly host: string;
  readonly tags: readonly string[];
  readonly purpose: Purpose;
  /** Program and version. */
  readonly writer: string;
  /** Of an import, whose one source is a copy. */
  readonly origin?: BackupOrigin;
  /** Names of profiles, as `applyProfiles` gives them; default `generic`. */
  readonly profile?: string;
  /** What belongs to the application and is not in the backup. */
  readonly outside?: readonly string[];
}

/** How to go about it. */
export interface BackupOptions {
  readonly selection: BackupSelection;
  readonly labels: BackupLabels;
  /** Where copies of databases are staged; a directory that exists. */
  readonly stagingDirectory: string;
  /** Milliseconds to wait for a database that a writer has locked. */
  readonly lockWaitMs: number;
  /** Worker threads; 0 works in this thread. */
  readonly threads: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: BackupProgress) => void;
}

/** Where a backup is. */
export interface BackupProgress {
  readonly phase: 'scanning' | 'databases' | 'files' | 'committing';
  readonly filesDone: number;
  /** As `bytesTotal` 0 until it is known. */
  readonly filesTotal: number;
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

/** A file or directory that is not, or not wholly, in the backup. */
export interface BackupProblem {
  /** Root name and path, for people. */
  readonly path: string;
  readonly code: ErrorCode;
  readonly message: string;
}

/** A torn last line of an append-only log that was left behind. */
export interface TornLine {
  /** Root name and path, for people. */
  readonly path: string;
  readonly bytes: number;
}

/** What a backup did. */
export interface BackupResult {
  readonly id: BackupId;
  /** The moment whose state this is, milliseconds since 1970. */
  readonly time: number;
  readonly filesTotal: number;
  readonly filesUnchanged: number;
  readonly directoriesTotal: number;
  readonly databases: number;
  /** Bytes of all files in the backup. */
  readonly bytesTotal: number;
  /** Bytes that were read from the source. */
  readonly bytesRead: number;
  /** Bytes that the storage grew by. */
  readonly bytesAdded: number;
  readonly durationMs: number;
  readonly cut: Cut;
  readonly torn: readonly BackupProblem[];
  readonly unreadable: readonly BackupProblem[];
  /** Databases that were damaged when they were captured. */
  readonly damaged: readonly BackupProblem[];
  /** Torn last lines of append-only logs, which are not in the backup. */
  readonly tornLines: readonly TornLine[];
  /** What became of the declared app keys, as the manifest says it. */
  readonly appKeys: readonly AppKeyRow[];
}

/** Says whether a backup is complete; if not the program exits with 3. */
export function isComplete(result: Pick<BackupResult, 'cut' | 'torn' | 'unreadable' | 'damaged'>): boolean {
  const { torn, unreadable, damaged, cut } = result;
  return torn.length + unreadable.length + damaged.length === 0 && cut !== 'none';
}
