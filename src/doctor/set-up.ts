/** What a doctor is told of the set-up, and what it finds when the repository opens. */

import type { UnreadableBackup } from '../repository/manifests.js';
import type { Repository } from '../repository/open.js';
import type { DescribedBackup } from '../repository/resolve.js';

/** Where the keys come from. */
export interface KeyOrigins {
  /** A file is looked at; the environment and commands are not. */
  readonly vaultKey: 'file' | 'command' | 'environment' | 'none';
  readonly vaultKeyFile?: string;
  readonly publicKey: 'file' | 'text' | 'none';
  readonly publicKeyFile?: string;
}

/** Absolute paths. */
export interface Places {
  readonly repository: string;
  readonly cache: string;
  /** Where copies of databases are staged. */
  readonly staging: string;
}

/** A repository that opened, and its backups, newest first. */
export interface OpenedSetUp {
  readonly repository: Repository;
  readonly backups: readonly DescribedBackup[];
  readonly unreadable: readonly UnreadableBackup[];
}

/** What is to be looked at. */
export interface SetUp {
  readonly keys: KeyOrigins;
  readonly places: Places;
  /** Directories that are backed up; empty: those of this host's backups. */
  readonly sources: readonly string[];
  readonly host: string;
  /** Milliseconds: how old the last good backup may be. */
  readonly maxAgeMs: number;
  /** Opens the repository with the keys that there are. */
  open(): Promise<OpenedSetUp>;
}
