/** The task `prune`: nodyn's rule over the backups of one directory. */

import { resolve } from 'node:path';
import { isNbakError } from '../../errors.js';
import { pathFromText, type BytePath } from '../../format/path.js';
import type { DescribedSummary } from '../../repository/resolve.js';
import { forget } from '../../retention/forget.js';
import { olderThan } from '../../retention/older-than.js';
import { planForget } from '../../retention/plan.js';
import { resolveRoot } from '../../source/root.js';
import { Opened } from '../opened.js';
import type { Answers, Tasks } from '../protocol.js';
import type { Settings } from '../settings.js';
import { describeAll } from './describe-all.js';

/** Forgets. @throws NbakError what opening, reading and `forget` throw. */
export async function prune(settings: Settings, { days }: Tasks['prune']): Promise<Answers['prune']> {
  try {
    await using opened = await Opened.existing(settings);
    const { described, unreadable } = await describeAll(opened);
    const [doubtful] = unreadable;
    // It may be the newest, or the last good one may be about to go.
    if (doubtful !== undefined) throw doubtful.error;
    const own = described.filter(isOf(rootPath(settings.directory)));
    const plan = await planForget(opened.repository, olderThan(own, days, Date.now()));
    await forget(opened.repository, plan);
    return plan.backups.length;
  } catch (error) {
    if (isNbakError(error, 'REPOSITORY_NOT_FOUND')) return 0;
    throw error;
  }
}

/** Backups of one directory alone, from whatever host: a container has another name after every update. */
function isOf(directory: BytePath): (backup: DescribedSummary) => boolean {
  return ({ detail }) => detail?.roots.length === 1 && detail.roots[0]?.path === directory;
}

function rootPath(directory: string): BytePath {
  try {
    return resolveRoot(directory).directory as BytePath;
  } catch (error) {
    if (!isNbakError(error, 'SOURCE_NOT_FOUND')) throw error;
    return pathFromText(resolve(directory));
  }
}
