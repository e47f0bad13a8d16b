/** What a restore and the thread that looks at its databases say to each other. */

import type { IntegrityVerdict } from '../source/sqlite/integrity.js';
import type { TokenQuery } from '../source/tokens/database-tokens.js';
import type { TokenTally } from '../source/tokens/token-counter.js';

/** What is to be found out about a database. */
export interface DatabaseQuestion {
  readonly path: string;
  /** Whether to run `integrity_check`. */
  readonly integrity: boolean;
  /** Which tokens to count. */
  readonly tokens: readonly TokenQuery[];
}

/** What was found out. */
export interface DatabaseAnswer {
  readonly verdict: IntegrityVerdict | undefined;
  /** In the order of the question; empty where the database cannot be opened. */
  readonly tokens: readonly TokenTally[];
}
