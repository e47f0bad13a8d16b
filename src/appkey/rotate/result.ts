/** What a rotation of app keys is told, and what it tells. */

import type { TokenTally } from '../../source/tokens/token-counter.js';

/** What a rotation has just done: after each of these it may be cut off, and be finished by running it again. */
export type RotationStep = 'backed-up' | 'key-made' | 'prepared' | 'written' | 'checked' | 'key-in-place';

/** How to rotate. */
export interface RotateOptions {
  /**
   * Makes the backup, when it is known that there is something to do and nobody is at work there. What it throws ends
   * the rotation, with nothing changed.
   */
  readonly beforeRotating: () => Promise<void>;
  /** Is heeded until the first token is changed. */
  readonly signal?: AbortSignal;
  /** `written` and `key-in-place` come once for every file. */
  readonly onProgress?: (step: RotationStep) => void;
}

/** The tokens of one place, tried with the new key. */
export interface RotatedPlace extends TokenTally {
  /** Such as `app.db: accounts.password`. */
  readonly place: string;
}

/** What a rotation did. */
export interface RotationResult {
  /** Tokens that open with the new keys. */
  readonly rotated: number;
  /** Tokens that were dead, and are what they were. */
  readonly failed: number;
  readonly places: readonly RotatedPlace[];
  /** The keys and the files that they are in, below the source. */
  readonly keys: readonly { readonly name: string; readonly file: string }[];
}
