/** The rules that apply to one source: of all profiles that recognise something in it, and of the vault key in use. */

import { join, relative } from 'node:path';
import { isWithin, realPathOf } from '../real-path.js';
import { absenceOf } from './absence.js';
import { BUILT_IN_PROFILES } from './built-in.js';
import { detectProfiles, pathsMatching, placeProfile, type Match } from './detect.js';
import type { Environment } from './environment.js';
import { movedStates, type MovedState } from './moved.js';
import { movePattern, patternOfPath } from './patterns.js';
import type { Profile, ProfileRule } from './profile.js';
import { filesWithVaultKey } from './vault-key-files.js';

/** What is asked of profiles. */
export interface ProfileRequest {
  readonly sources: readonly string[];
  /** One for all sources; `auto` takes for each those that recognise it. */
  readonly profile: Profile | 'auto';
  /** Captures what a rule calls `secret-on-request` too. */
  readonly includeSecrets: boolean;
  /** The bytes of the vault key in use; files that hold it stay out. */
  readonly vaultKey: Uint8Array | undefined;
  readonly environment: Environment;
}

/** A state directory. */
export interface StateDirectory extends Match {
  /** Absolute. */
  readonly directory: string;
  /** Whose settings put it there, where that is not told by its place. */
  readonly configuredIn?: string;
}

/** A rule, moved to where the state directory is in its source. */
export interface RuleInForce {
  /** gitignore patterns, relative to the source. */
  readonly patterns: readonly string[];
  readonly isOut: boolean;
  readonly isSecret: boolean;
  readonly why: string;
  /** Absolute paths of what is there now, of rules about secrets that stay out. */
  readonly found: readonly string[];
}

/** Which profiles apply to a source, and where in it their state is; the source's own settings may say so too. */
export function stateDirectories(
  source: string,
  { profile, environment }: Pick<ProfileRequest, 'profile' | 'environment'>,
): readonly StateDirectory[] {
  const root = realPathOf(source);
  const moved = movedFrom(source, { profile, environment });
  const isMoved = moved.some(({ directory }) => isKnown(directory, profile));
  const matches =
    profile === 'auto' || isMoved
      ? detectProfiles(source, profilesOf(profile))
      : placeProfile(source, profile);
  const places = matches.map((match) => ({ ...match, directory: join(root, match.below) }));
  const inside = moved.filter(
    ({ directory }) =>
      directory !== root &&
      isWithin(directory, root) &&
      isKnown(directory, profile) &&
      places.every((place) => place.directory !== directory),
  );
  return [
    ...places,
    ...inside.map(({ profile: of, directory, configuredIn }) => ({
      profile: of,
      below: relative(root, directory),
      directory,
      configuredIn,
    })),
  ];
}

/** State that the settings of a source put outside of it. */
export interface StateOutside {
  /** What is there, of a known kind. */
  readonly places: readonly StateDirectory[];
  /** A sentence about each that is not. */
  readonly missing: readonly string[];
}

/** Looks where the settings of a source put state outside of it. */
export function stateOutside(
  source: string,
  request: Pick<ProfileRequest, 'profile' | 'environment'>,
): StateOutside {
  const moved = movedFrom(source, request).filter(({ directory }) => !isWithin(directory, source));
  const isThere = ({ directory }: MovedState): boolean => isKnown(directory, request.profile);
  return {
    places: moved
      .filter(isThere)
      .map(({ profile, directory, configuredIn }) => ({ profile, below: '', directory, configuredIn })),
    missing: moved
      .filter((state) => !isThere(state))
      .map(
        ({ profile, variable, directory }) =>
          `the state of ${profile.name}: ${variable} names ${directory}, which is ${
            absenceOf(directory) ?? 'nothing that is known: name it as a SOURCE'
          }`,
      ),
  };
}

/** A SOURCE that is a state directory itself takes the place of what its application is told. */
function movedFrom(
  source: string,
  { profile, environment }: Pick<ProfileRequest, 'profile' | 'environment'>,
): readonly MovedState[] {
  const here = detectProfiles(source, profilesOf(profile)).find(({ below }) => below === '');
  const others = profilesOf(profile).filter((each) => each !== here?.profile);
  return movedStates(source, others, environment);
}

function isKnown(directory: string, profile: ProfileRequest['profile']): boolean {
  return detectProfiles(directory, profilesOf(profile)).some(({ below }) => below === '');
}

function profilesOf(profile: ProfileRequest['profile']): readonly Profile[] {
  return profile === 'auto' ? BUILT_IN_PROFILES : [profile];
}

/** The rules of state directories, those about the vault key first. */
export function rulesInForce(
  places: readonly StateDirectory[],
  { includeSecrets, vaultKey }: Pick<ProfileRequest, 'includeSecrets' | 'vaultKey'>,
): readonly RuleInForce[] {
  const keys = places.flatMap((place) => keyRules(place, vaultKey));
  const own = places.flatMap((place) =>
    place.profile.rules.map((rule) => ruleInForce(rule, place, includeSecrets)),
  );
  return [...keys, ...own];
}

function keyRules(
  { profile, below, directory }: StateDirectory,
  vaultKey: Uint8Array | undefined,
): readonly RuleInForce[] {
  if (vaultKey === undefined || profile.name === 'generic') return [];
  return filesWithVaultKey(directory, vaultKey).map((name) => ({
    patterns: [patternOfPath(join(below, name))],
    isOut: true,
    isSecret: true,
    why: 'holds the vault key in use, without which no backup can be opened: keep it elsewhere',
    found: [join(directory, name)],
  }));
}

function ruleInForce(
  { paths, treatment, why }: ProfileRule,
  { below, directory }: StateDirectory,
  includeSecrets: boolean,
): RuleInForce {
  const isOnRequest = treatment === 'secret-on-request';
  const isLeftOut = isOnRequest && !includeSecrets;
  return {
    patterns: paths.map((path) => movePattern(path, below)),
    isOut: treatment === 'leave-out' || isLeftOut,
    isSecret: treatment !== 'leave-out',
    why: isLeftOut ? `${why}; --include-secrets takes it in` : why,
    found: isLeftOut
      ? paths.flatMap((path) => pathsMatching(directory, path)).map((path) => join(directory, path))
      : [],
  };
}
