/** What is custom with an application when it is restored, by the profile that a backup records. */

import { join } from 'node:path';
import { builtInProfile } from './built-in.js';
import { pathsMatching } from './detect.js';
import { processEnvironment } from './environment.js';
import type { Profile } from './profile.js';
import { stateDirectories, type StateDirectory } from './rules-in-force.js';
import { findRunning, type RunningApplication } from './running.js';

/** The built-in profiles that a manifest names; those of users' files are not there any more. */
export function recordedProfiles(recorded: string): readonly Profile[] {
  return recorded.split('+').flatMap((name) => builtInProfile(name) ?? []);
}

/** What to do after a restore of a backup, a sentence each. */
export function nextStepsOf(recorded: string): readonly string[] {
  return recordedProfiles(recorded).flatMap(({ restoring }) => restoring.nextSteps);
}

/**
 * What stands behind the name of `directory` in that of what a restore over it moves away.
 *
 * @param recorded - profiles as the manifest says them; where it says several, the directory decides.
 * @returns undefined where there is no custom.
 */
export function movedAsideSuffix(directory: string, recorded: string, now: number): string | undefined {
  const profiles = recordedProfiles(recorded);
  const here = statesIn(directory).find(({ below }) => below === '')?.profile;
  const profile = profiles.length > 1 ? here : profiles[0];
  if (profile?.restoring.movedAside !== 'before-restore') return undefined;
  const time = new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
  return `.before-restore-${time}`;
}

/** A database of which its application leaves a copy, under its name with `suffix`, when it is replaced. */
export interface CustomaryCopy {
  /** Relative to the directory. */
  readonly of: string;
  readonly suffix: string;
}

/**
 * The databases in a directory of which the applications of a backup leave copies.
 *
 * @param recorded - profiles as the manifest says them.
 */
export function copiesByCustom(directory: string, recorded: string): readonly CustomaryCopy[] {
  const profiles = recordedProfiles(recorded);
  return statesIn(directory)
    .filter(({ profile }) => profiles.includes(profile))
    .flatMap(({ profile, below, directory: state }) =>
      (profile.restoring.copies ?? []).flatMap(({ of, suffix }) =>
        pathsMatching(state, of).map((path) => ({ of: join(below, path), suffix })),
      ),
    );
}

/** Applications that say of themselves, in a directory, that they are at work there. */
export function findRunningIn(directory: string): readonly RunningApplication[] {
  return statesIn(directory).flatMap((place) => findRunning(place.directory, place.profile.running));
}

function statesIn(directory: string): readonly StateDirectory[] {
  return stateDirectories(directory, { profile: 'auto', environment: processEnvironment() });
}
