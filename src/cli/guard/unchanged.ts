/** The way of nearly every start of an application: its version is what it was, which is said before the rest loads. */

import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readSeenVersion, recordOf } from './seen-version.js';

/** The options of `nbak guard` and whether they take a value; a test compares them with the declared ones. */
export const GUARD_OPTIONS = {
  'app-version': { type: 'string' },
  'state-dir': { type: 'string' },
  repository: { type: 'string', short: 'r' },
  'vault-key-file': { type: 'string' },
  'vault-key-command': { type: 'string' },
  'public-key': { type: 'string' },
  'cache-dir': { type: 'string' },
  threads: { type: 'string' },
  json: { type: 'boolean' },
  quiet: { type: 'boolean' },
  exclude: { type: 'string', multiple: true },
  'exclude-file': { type: 'string', multiple: true },
  'exclude-caches': { type: 'boolean' },
  'one-file-system': { type: 'boolean' },
  profile: { type: 'string' },
  'include-secrets': { type: 'boolean' },
  tag: { type: 'string', multiple: true },
  host: { type: 'string' },
  'lock-wait': { type: 'string' },
  verify: { type: 'boolean' },
  ping: { type: 'string' },
  'on-failure': { type: 'string' },
} as const;

/**
 * Says whether `args` of `nbak guard` certainly ask for nothing to be done, and then what `--json` prints. Whatever is
 * doubtful, mistakes too, is for the command itself.
 */
export function answerUnchanged(args: readonly string[]): { readonly document?: object } | undefined {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: GUARD_OPTIONS,
      allowPositionals: true,
    });
    const [source, ...others] = positionals;
    const repository = values.repository ?? process.env['NBAK_REPOSITORY'] ?? '';
    const appVersion = values['app-version'];
    if (source === undefined || others.length > 0 || repository === '') return undefined;
    const record = recordOf({ source, repository: resolve(repository), stateDirectory: values['state-dir'] });
    const lastVersion = readSeenVersion(record);
    if (lastVersion === undefined || lastVersion !== appVersion) return undefined;
    return values.json === true ? { document: { action: 'none', appVersion, lastVersion } } : {};
  } catch {
    return undefined;
  }
}
