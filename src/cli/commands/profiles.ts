/** `nbak profiles`: the applications that nbak knows, and where their state is on this machine. */

import { BUILT_IN_PROFILES } from '../../source/profiles/built-in.js';
import { processEnvironment } from '../../source/profiles/environment.js';
import { homesOf } from '../../source/profiles/homes.js';
import type { Run } from '../declaration.js';
import { printable, printJson, printLine } from '../terminal.js';

/** `nbak profiles` */
export const runProfiles: Run<object> = ({ context }) => {
  const environment = processEnvironment();
  const profiles = BUILT_IN_PROFILES.map((profile) => ({
    name: profile.name,
    title: profile.title,
    directories: homesOf(profile, environment),
  }));
  if (context.options.json === true) printJson({ profiles });
  else {
    for (const { name, title, directories } of profiles) {
      printLine(`${name.padEnd(14)} ${title}`);
      for (const directory of directories) printLine(`${''.padEnd(14)} here: ${printable(directory)}`);
    }
  }
  return Promise.resolve(0);
};
