/** State that a SOURCE's own settings put elsewhere: a repository whose `.env` says where the data directory is. */

import { join } from 'node:path';
import { realPathOf } from '../real-path.js';
import { environmentOf, expandTemplate, namesVariable, type Environment } from './environment.js';
import type { Profile } from './profile.js';

/** Where a profile's state is by the settings of a SOURCE. */
export interface MovedState {
  readonly profile: Profile;
  /** Absolute; real as far as it exists. */
  readonly directory: string;
  /** The variable that says so, and the directory whose settings have it. */
  readonly variable: string;
  readonly configuredIn: string;
}

/** What the settings directly in `source` say of the homes of `profiles`; nbak's own environment does not count. */
export function movedStates(
  source: string,
  profiles: readonly Profile[],
  environment: Environment,
): readonly MovedState[] {
  const configuredIn = realPathOf(source);
  const untold = { variables: {}, home: environment.home, workingDirectory: configuredIn };
  return profiles.flatMap((profile) => {
    const told = environmentOf(untold, ownSettings(profile, configuredIn));
    return profile.find.homes.flatMap((places) => {
      const place = places.find((each) => namesVariable(each) && expandTemplate(each, told) !== undefined);
      const path = place === undefined ? undefined : expandTemplate(place, told);
      if (place === undefined || path === undefined) return [];
      const directory = realPathOf(path);
      const [variable = ''] = /[A-Z0-9_]+/.exec(place) ?? [];
      return [{ profile, directory, variable, configuredIn }];
    });
  });
}

/** Files of a profile's settings that lie in `directory` or below it, and not above. */
export function ownSettings({ find: { settings } }: Profile, directory: string): readonly string[] {
  return settings.filter((file) => !file.startsWith('../')).map((file) => join(directory, file));
}
