/** What a manager has done in a process of its own, by name. */

import type { Answers, Tasks } from '../protocol.js';
import type { Settings } from '../settings.js';
import { create } from './create.js';
import { list } from './list.js';
import { prune } from './prune.js';
import { verifyOne } from './verify.js';

/** Every task. */
export const TASKS: {
  readonly [Name in keyof Tasks]: (settings: Settings, task: Tasks[Name]) => Promise<Answers[Name]>;
} = { create, list, verify: verifyOne, prune };
