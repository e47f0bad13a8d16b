/** What `nbak restore` can be told. */

import type { FilterOptions } from '../describe.js';

/** Options of `nbak restore`. */
export interface RestoreFlags extends FilterOptions {
  readonly target?: string;
  readonly inPlace?: string;
  readonly resume?: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly check: string;
  readonly overwrite?: string;
  readonly delete?: boolean;
  readonly root?: string;
  readonly safetyBackup: boolean;
  readonly evenIfRunning?: boolean;
  readonly dryRun?: boolean;
}
