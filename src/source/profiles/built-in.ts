/** The profiles that nbak brings, in the order in which they are tried. */

import { chaosCypher } from './chaos-cypher.js';
import { generic } from './generic.js';
import { nodyn } from './nodyn.js';
import { odysseus } from './odysseus.js';
import { omicos } from './omicos.js';
import type { Profile } from './profile.js';

/** All of them; `generic`, which recognises nothing, is the last. */
export const BUILT_IN_PROFILES: readonly Profile[] = [nodyn, chaosCypher, odysseus, omicos, generic];

/** The profile of this name, undefined where nbak brings none. */
export function builtInProfile(name: string): Profile | undefined {
  return BUILT_IN_PROFILES.find((profile) => profile.name === name);
}
