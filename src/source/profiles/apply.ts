/** What profiles make of the sources of a backup: rules for each, sources that the user did not name, and what is outside. */

import { join, relative } from 'node:path';
import { isWithin } from '../real-path.js';
import type { RuledSource } from '../ruled-source.js';
import type { AppKeyDeclaration } from './app-keys.js';
import { findElsewhere, type FoundElsewhere } from './elsewhere.js';
import { environmentOf, type Environment } from './environment.js';
import { ownSettings } from './moved.js';
import { tokensAt, withDatabases, type MovedDatabase } from './moved-databases.js';
import { movePattern } from './patterns.js';
import type { Elsewhere } from './profile.js';
import {
  rulesInForce,
  stateDirectories,
  stateOutside,
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
  const given = request.sources.map((path) => ({ path, places: stateDirectories(path, request) }));
  const isGiven = (path: string): boolean => request.sources.some((source) => isWithin(path, source));
  const away = request.sources.map((path) => stateOutside(path, request));
  const moved = new Map(
    away
      .flatMap(({ places }) => places)
      .filter(({ directory }) => !isGiven(directory))
      .map((place) => [place.directory, { path: place.directory, places: [place] }]),
  );
  const applied = [...given, ...moved.values()].map((each) => ({
    ...each,
    rules: rulesInForce(each.places, request),
  }));
  const places = applied.flatMap((each) => each.places);
  const elsewhere = places.flatMap((place) => lookElsewhere(place, request.environment));
  const ruled = applied.map(ruledSource);
  return {
    profile: namesOf(places).join('+') || 'generic',
    sources: withDatabases(
      ruled,
      elsewhere.flatMap(({ databases }) => databases),
    ),
    outside: [
      ...new Set([...away.flatMap(({ missing }) => missing), ...elsewhere.flatMap(({ outside }) => outside)]),
    ],
    leftOut: applied.flatMap(({ rules }) =>
      rules.flatMap(({ found, why }) => found.map((path) => ({ path, why }))),
    ),
    running: places.flatMap(({ profile, directory }) =>
      findRunning(directory, profile.running).map((found) => ({ profile: profile.name, ...found })),
    ),
  };
}

/** Databases of the application in `source` that are not on this machine or not SQLite, a sentence each. */
export function databasesOutOfReach(
  source: string,
  { profile, environment }: Pick<ProfileRequest, 'profile' | 'environment'>,
): readonly string[] {
  return stateDirectories(source, { profile, environment })
    .flatMap((place) => lookElsewhere(place, environment, ({ kind }) => kind === 'database-url'))
    .flatMap(({ outside }) => outside);
}

function namesOf(places: readonly StateDirectory[]): readonly string[] {
  const names = new Set(places.map(({ profile }) => profile.name));
  names.delete('generic');
  return [...names].sort();
}

interface PartElsewhere extends Pick<FoundElsewhere, 'outside'> {
  readonly databases: readonly MovedDatabase[];
}

function lookElsewhere(
  place: StateDirectory,
  environment: Environment,
  isAskedFor: (part: Elsewhere) => boolean = () => true,
): readonly PartElsewhere[] {
  const { profile, directory, configuredIn } = place;
  const seen = environmentOf(environment, settingsOf(place));
  return profile.elsewhere.filter(isAskedFor).map((part) => {
    const { databases, outside } = findElsewhere(basedOn(part, directory, configuredIn), directory, seen);
    const appKeys = part.kind === 'database-url' ? tokensAt(profile.appKeys, part.inPlaceOf) : [];
    return { outside, databases: databases.map((path) => ({ path, appKeys })) };
  });
}

/** The files of an application's settings; those of who put the state where it is beat those beside it. */
function settingsOf({ profile, directory, configuredIn }: StateDirectory): readonly string[] {
  const beside = profile.find.settings.map((file) => join(directory, file));
  return configuredIn === undefined ? beside : [...ownSettings(profile, configuredIn), ...beside];
}

/** Paths in settings count from where the settings are. */
function basedOn(part: Elsewhere, directory: string, configuredIn: string | undefined): Elsewhere {
  if (part.kind !== 'database-url' || configuredIn === undefined) return part;
  return { ...part, relativeTo: relative(directory, configuredIn) };
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
    appKeys: places.flatMap((place) => place.profile.appKeys.map((appKey) => moveAppKey(appKey, place))),
  };
}

function moveAppKey(appKey: AppKeyDeclaration, place: StateDirectory): AppKeyDeclaration {
  const { below } = place;
  const settings = settingsOf(place);
  return {
    ...appKey,
    from: appKey.from.map((each) => {
      if ('file' in each) return { file: join(below, each.file) };
      return settings.length === 0 ? each : { ...each, settings };
    }),
    tokens: appKey.tokens.map((each) => ({ ...each, path: movePattern(`/${each.path}`, below).slice(1) })),
  };
}
