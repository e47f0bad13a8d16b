/** What `--profile` and `nbak profiles show` name. */

import { NbakError } from '../errors.js';
import { BUILT_IN_PROFILES, builtInProfile } from '../source/profiles/built-in.js';
import type { Profile } from '../source/profiles/profile.js';

/**
 * The profile of a name, or of a file where there is a slash in it or `.json` at its end.
 *
 * @throws NbakError `USAGE_INVALID`.
 */
export async function namedProfile(name: string): Promise<Profile> {
  if (name.includes('/') || name.endsWith('.json')) {
    const { readProfile } = await import('../source/profiles/user-profile.js');
    return readProfile(name);
  }
  const profile = builtInProfile(name);
  if (profile !== undefined) return profile;
  const names = BUILT_IN_PROFILES.map((each) => each.name);
  throw new NbakError('USAGE_INVALID', `There is no profile ${name}`, {
    details: { profiles: names },
    hint: `Take one of ${names.join(', ')}, or a file: ./${name}.json.`,
  });
}
