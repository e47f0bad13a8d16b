/** What of a profile holds for a copy of an application's state that another program made. */

import { statSync } from 'node:fs';
import { resolveRoot } from '../root.js';
import { plainSource, type RuledSource } from '../ruled-source.js';
import { includeRule } from '../rules.js';
import { walk } from '../walk.js';
import type { AppKeyDeclaration } from './app-keys.js';
import type { Profile } from './profile.js';

/**
 * The copy at `path` as a source: its app keys are apart from all other content, and of the profile's rules those are
 * in force that take nothing of it away. A single file has no rules.
 */
export function importedSource(path: string, { rules, appKeys }: Profile): RuledSource {
  if (!statSync(path).isDirectory()) return plainSource(path);
  // What cannot be read is named by the backup.
  const entries = [...walk(resolveRoot(path), { onProblem: () => undefined })];
  const isAbsent = (pattern: string): boolean => {
    const matches = includeRule([pattern]);
    return !entries.some((entry) => matches(entry.path, entry.kind === 'directory'));
  };
  const leftOut = rules.filter(({ treatment }) => treatment !== 'secret').flatMap(({ paths }) => paths);
  return {
    path,
    exclude: leftOut.filter(isAbsent),
    // A line that was torn when the copy was made is what the copy holds.
    appendOnly: [],
    appKeys: appKeys.map(withoutVariables),
  };
}

/** The variables of this process are not those of the application that was copied. */
function withoutVariables(appKey: AppKeyDeclaration): AppKeyDeclaration {
  return { ...appKey, from: appKey.from.filter((each) => 'file' in each) };
}
