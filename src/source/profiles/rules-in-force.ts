/** The rules that apply to one source: of all profiles that recognise something in it, and of the vault key in use. */

import { join } from 'node:path';
import { realPathOf } from '../real-path.js';
import { BUILT_IN_PROFILES } from './built-in.js';
import { detectProfiles, pathsMatching, placeProfile, type Match } from './detect.js';
import type { Environment } from './environment.js';
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

/** Which profiles apply to a source, and where in it their state is. */
export function stateDirectories(
  source: string,
  { profile }: Pick<ProfileRequest, 'profile'>,
): readonly StateDirectory[] {
  const matches =
    profile === 'auto' ? detectProfiles(source, BUILT_IN_PROFILES) : placeProfile(source, profile);
  return matches.map((match) => ({ ...match, directory: join(realPathOf(source), match.below) }));
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
