/** The program's version, from its package.json. */

import { readFileSync } from 'node:fs';

/** The version of this installation. */
export function programVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
