/** What a restore over a directory takes and tells. */

import type { Scope } from '../../format/manifest.js';
import type { RestoreOptions, RestoreResult } from '../result.js';
import type { SwapPolicy } from './compare.js';

/** How to restore over what is there. */
export interface RestoreOverOptions {
  /** `target` is the directory that is restored over. */
  readonly restore: RestoreOptions;
  readonly policy: SwapPolicy;
  /** Of a backup of several roots in place: which; undefined takes the one that was backed up from the target. */
  readonly root: string | undefined;
  /** Absolute paths that stay whatever the scope says: repository and cache. */
  readonly keep: readonly string[];
  readonly ifRunning: 'refuse' | 'ignore';
  /**
   * Runs when nothing but space and a running application could still be in the way: the safety backup, under the
   * rules that the backup has for the target.
   */
  readonly beforeStaging?: (scope: Scope) => Promise<void>;
}

/** What a restore over a directory would do; paths are text. */
export interface RestoreOverPlan {
  readonly files: number;
  readonly directories: number;
  readonly bytes: number;
  readonly replaced: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly stayed: readonly string[];
}

/** What a restore over a directory did. */
export interface RestoreOverResult extends RestoreResult {
  /** False where something failed before the swap: the target is what it was. */
  readonly swapped: boolean;
  /** Counts; a directory that is swapped whole is one. */
  readonly replaced: number;
  readonly added: number;
  readonly removed: number;
  readonly stayed: number;
  /** Directories that hold what was there. */
  readonly moved: readonly string[];
  /** Copies of replaced databases that were left beside the new ones, by the custom of their application. */
  readonly copies: readonly string[];
}

/** What resuming came to. */
export interface ResumeResult {
  readonly outcome: 'finished' | 'discarded' | 'nothing';
  /** Directories that hold what was there. */
  readonly moved: readonly string[];
  /** Copies of replaced databases, as in {@link RestoreOverResult}. */
  readonly copies: readonly string[];
  /** Sentences about copies that could not be made. */
  readonly notRestored: readonly string[];
  /** What the applications whose state it is need now. */
  readonly nextSteps: readonly string[];
}
