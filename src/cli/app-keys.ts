/** App keys as commands show them. */

import type { AppKeyRow } from '../format/app-keys.js';
import { pathToText } from '../format/path.js';
import type { TokenTally } from '../source/tokens/token-counter.js';
import { count, printable } from './terminal.js';

/** An app key as `--json` gives it. */
export interface AppKeyJson extends TokenTally {
  readonly name: string;
  readonly origin: { readonly kind: 'file' | 'environment' | 'env-file'; readonly at: string } | null;
}

/** A row of a manifest's detail. */
export function appKeyToJson({ name, origin, places }: AppKeyRow): AppKeyJson {
  return {
    name,
    origin: origin === undefined ? null : { kind: origin.kind, at: pathToText(origin.at) },
    opened: places.reduce((sum, { opened }) => sum + opened, 0),
    failed: places.reduce((sum, { failed }) => sum + failed, 0),
  };
}

/** The same on one line. */
export function describeAppKey(key: AppKeyJson): string {
  const where = {
    file: 'in the file',
    environment: 'from the variable',
    'env-file': 'from .env, variable',
  } as const;
  const origin = key.origin === null ? 'not found' : `${where[key.origin.kind]} ${printable(key.origin.at)}`;
  return `app key ${printable(key.name)}: ${origin}; ${describeTokens(key)}`;
}

/** How many tokens open. */
export function describeTokens({ opened, failed }: TokenTally): string {
  if (opened + failed === 0) return 'no tokens';
  return `${count(opened, 'token')} opened${failed === 0 ? '' : `, ${failed} dead`}`;
}
