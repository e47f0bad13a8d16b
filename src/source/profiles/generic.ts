/** Any directory: everything is captured as it lies there. */

import type { Profile } from './profile.js';

/** The profile of directories that no other profile recognises. */
export const generic: Profile = {
  name: 'generic',
  title: 'any directory',
  find: { homes: [], below: [''], marks: [], names: [], settings: [] },
  rules: [],
  appendOnly: [],
  appKeys: [],
  elsewhere: [],
  running: [],
  restoring: { nextSteps: [] },
};
