/** How a backup of another program becomes files to back up: what it takes, and what comes of it (§32). */

import type { CryptoProvider } from '../crypto/provider.js';
import type { Purpose } from '../format/manifest.js';
import type { V1Era } from '../format/v1/manifest.js';
import type { StagedDirectory } from './staged-directory.js';

/** What the user says about a source. */
export interface ImportWish {
  /** Of an encrypted source. */
  readonly vaultKey: string | undefined;
  /** The knowledge base that a database of Chaos Cypher is of. */
  readonly database: string | undefined;
  /** Bytes that an archive may unpack to. */
  readonly mostBytes: number;
  /** Members that it may have. */
  readonly mostMembers: number;
}

/** What is staged from what. */
export interface StagingTask {
  readonly crypto: CryptoProvider;
  /** Absolute, without links. */
  readonly path: string;
  readonly staged: StagedDirectory;
  readonly wish: ImportWish;
  readonly signal?: AbortSignal;
}

/** Files that are ready to be backed up. */
export interface StagedState {
  /** Name below the staged directory of what is to be the root: a directory, or a single file. */
  readonly root: string;
  /** The moment whose state it is, milliseconds since 1970; undefined where neither name nor content say. */
  readonly time: number | undefined;
  /** Absolute path of what it is a backup of. */
  readonly origin: string;
  readonly purpose: Purpose;
  /** Names of what was left out, and why it is no loss. */
  readonly dropped: readonly string[];
  /** Whose key opened an encrypted source. */
  readonly keyEra?: V1Era;
}
