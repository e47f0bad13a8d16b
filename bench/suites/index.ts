/** All suites; those of a default run in its order, the cheap ones first. */

import { bigSuite } from './big.js';
import { filesSuite, millionSuite } from './files.js';
import { growthSuite } from './growth.js';
import { profileSuite } from './profile.js';
import { stagesSuite } from './stages.js';
import { startSuite } from './start.js';
import { stateSuite } from './state.js';
import type { Suite } from './suite.js';
import { textSuite } from './text.js';

/** Every suite. */
export const SUITES: readonly Suite[] = [
  startSuite,
  stagesSuite,
  growthSuite,
  textSuite,
  stateSuite,
  filesSuite,
  bigSuite,
  millionSuite,
  profileSuite,
];
