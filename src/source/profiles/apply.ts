/** What profiles make of the sources of a backup: rules for each, sources that the user did not name, and what is outside. */

import { join } from 'node:path';
import { isWithin } from '../real-path.js';
import { plainSource, type RuledSource } from '../ruled-source.js';
import type { AppKeyDeclaration } from './app-keys.js';
import { findElsewhere, type FoundElsewhere } from './elsewhere.js';
import { environmentOf, type Environment } from './environment.js';
import { movePattern } from './patterns.js';
import {
  rulesInForce,
  stateDirectories,
  type ProfileRequest,
  type RuleInForce,
  type StateDirectory,
} from './rules-in-force.js';
import { findRunning, type RunningApplication } from './running.js';

/** What profiles make of sources. */
export interface ProfiledSources {
  /** For the manifest: the names of the profiles in force, ascending, with `+` between them. */
  readonly profile: string;
  readonly sources: readonly RuledSource[];
  /** What belongs to the application and is not in the backup, a sentence each. */
  readonly outside: readonly string[];
  readonly leftOut: readonly LeftOut[];
  readonly running: readonly (RunningApplication & { readonly profile: string })[];
}

/** A secret that is there and stays out. */
export interface LeftOut {
  /** Absolute. */
  readonly path: string;
  readonly why: string;
}

/**
 * Applies profiles to sources. Reads names, and short files at the top of each state directory; a source that no
 * profile recognises comes back without rules. What it gives goes into `BackupOptions`: `sources` into the selection,
 * `profile` and `outside` into the labels.
 *
 * @example
 * ```ts
 * import { applyProfiles, processEnvironment } from 'nbak';
 *
 * const { profile, sources } = applyProfiles({
 *   sources: ['.'],
 *   profile: 'auto',
 *   includeSecrets: false,
 *   vaultKey: undefined,
 *   environment: processEnvironment(),
 * });
 * console.assert(profile === 'generic' && sources.length === 1);
 * ```
 */
export function applyProfiles(request: ProfileRequest): ProfiledSources {
  const applied = request.sources.map((path) => {
    const places = stateDirectories(path, request);
    return { path, places, rules: rulesInForce(places, request) };
  });
  const places = applied.flatMap((each) => each.places);
  const elsewhere = places.flatMap((place) => lookElsewhere(place, request.environment));
  const isGiven = (path: string): boolean => request.sources.some((source) => isWithin(path, source));
  const added = new Set(elsewhere.flatMap(({ sources }) => sources).filter((path) => !isGiven(path)));
  return {
    profile: namesOf(places).join('+') || 'generic',
    sources: [...applied.map(ruledSource), ...[...added].map(plainSource)],
    outside: [...new Set(elsewhere.flatMap(({ outside }) => outside))],
    leftOut: applied.flatMap(({ rules }) =>
      rules.flatMap(({ found, why }) => found.map((path) => ({ path, why }))),
    ),
    running: places.flatMap(({ profile, directory }) =>
      findRunning(directory, profile.running).map((found) => ({ profile: profile.name, ...found })),
    ),
  };
}

function namesOf(places: readonly StateDirectory[]): readonly string[] {
  const names = new Set(places.map(({ profile }) => profile.name));
  names.delete('generic');
  return [...names].sort();
}

function lookElsewhere(
  { profile, directory }: StateDirectory,
  environment: Environment,
): readonly FoundElsewhere[] {
  const seen = environmentOf(environment, directory, profile.find.settings);
  return profile.elsewhere.map((part) => findElsewhere(part, directory, seen));
}

function ruledSource({
  path,
  places,
  rules,
}: {
  readonly path: string;
  readonly places: readonly StateDirectory[];
  readonly rules: readonly RuleInForce[];
}): RuledSource {
  return {
    path,
    exclude: rules.filter(({ isOut }) => isOut).flatMap(({ patterns }) => patterns),
    appendOnly: places.flatMap(({ profile, below }) =>
      profile.appendOnly.map((pattern) => movePattern(pattern, below)),
    ),
    appKeys: places.flatMap(({ profile, below }) =>
      profile.appKeys.map((appKey) => moveAppKey(appKey, below)),
    ),
  };
}

function moveAppKey(appKey: AppKeyDeclaration, below: string): AppKeyDeclaration {
  if (below === '') return appKey;
  return {
    ...appKey,
    from: appKey.from.map((each) => ('file' in each ? { file: join(below, each.file) } : each)),
    tokens: appKey.tokens.map((each) => ({ ...each, path: join(below, each.path) })),
  };
}
