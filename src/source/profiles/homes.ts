/** Where an application keeps its state when the user names no SOURCE. */

import { existsSync } from 'node:fs';
import { expandTemplate, namesVariable, type Environment } from './environment.js';
import type { Profile } from './profile.js';

/** The directories of a profile's application: of each, the first place whose variable is set, or that exists. */
export function homesOf({ find: { homes } }: Profile, environment: Environment): readonly string[] {
  const found = homes.flatMap((places) => {
    for (const place of places) {
      const path = expandTemplate(place, environment);
      // What a variable says counts, even where nothing is there: another directory would be the wrong one.
      if (path !== undefined && (namesVariable(place) || existsSync(path))) return [path];
    }
    return [];
  });
  return [...new Set(found)];
}
