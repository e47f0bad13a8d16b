/** The task `list`: every backup of the repository. */

import { isNbakError } from '../../errors.js';
import { entryOf, unreadableEntry } from '../entry.js';
import { Opened } from '../opened.js';
import type { Answers } from '../protocol.js';
import type { Settings } from '../settings.js';
import { describeAll } from './describe-all.js';

/** Lists, newest first. @throws NbakError what opening throws. */
export async function list(settings: Settings): Promise<Answers['list']> {
  try {
    await using opened = await Opened.existing(settings);
    const { described, unreadable } = await describeAll(opened);
    return [
      ...described.map((each) => entryOf(settings.backupDir, each, each.detail)),
      ...unreadable.map(({ id, error }) => unreadableEntry(settings.backupDir, id, error)),
    ];
  } catch (error) {
    // Before the first backup there is no repository.
    if (isNbakError(error, 'REPOSITORY_NOT_FOUND')) return [];
    throw error;
  }
}
