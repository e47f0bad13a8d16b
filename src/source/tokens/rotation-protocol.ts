/** What is asked of the process that seals the tokens of databases anew: one request at a time, one answer each. */

import type { TokenRotation } from './reseal.js';
import type { TokenTally } from './token-counter.js';

/** A database and what is to be done in it. */
export interface RotatingDatabase {
  /** One character per byte. */
  readonly path: string;
  readonly rotations: readonly TokenRotation[];
}

/**
 * `lock` opens all, begins a transaction in each and counts what opens with either key; `reseal` seals anew in all and
 * counts what opens with the new key; `commit` commits one; `count` counts as `reseal` does.
 */
export type RotationRequest =
  | { readonly kind: 'lock'; readonly databases: readonly RotatingDatabase[] }
  | { readonly kind: 'reseal' | 'count' }
  | { readonly kind: 'commit'; readonly index: number };

/** Counts of every database, in order; or the path of the first that somebody else uses, or that failed. */
export type RotationAnswer =
  | { readonly tallies: readonly (readonly TokenTally[])[] }
  | { readonly busy: string }
  | { readonly failed: string; readonly message: string };
