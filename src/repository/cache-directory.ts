/** Where catalogs are kept unless somebody says otherwise. */

import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** `NBAK_CACHE_DIR`, else `nbak` in `XDG_CACHE_HOME` or `~/.cache`. */
export function defaultCacheDirectory(): string {
  const { NBAK_CACHE_DIR: chosen, XDG_CACHE_HOME: base } = process.env;
  if (chosen !== undefined && chosen !== '') return resolve(chosen);
  return join(base ?? join(homedir(), '.cache'), 'nbak');
}
