/** `nbak guard`: a backup before an update, when the application's version is not the one seen last. */

import { dirname } from 'node:path';
import { NbakError } from '../../errors.js';
import { makeDirectories } from '../../source/make-directories.js';
import { resolveRoot } from '../../source/root.js';
import type { Run } from '../declaration.js';
import { readSeenVersion, recordOf, writeSeenVersion } from '../guard/seen-version.js';
import { usage } from '../options.js';
import { note, printable, printJson } from '../terminal.js';
import { telling } from '../unattended.js';
import { backUp, type BackupFlags } from './backup.js';

/** Options of `nbak guard`: those of a backup, and two of its own. */
export interface GuardFlags extends BackupFlags {
  readonly appVersion: string;
  readonly stateDir?: string;
}

/** The backup is there: what was incomplete then would be so at the next start too. */
const DONE: readonly number[] = [0, 3];

/** `nbak guard SOURCE --app-version V` */
export const runGuard: Run<GuardFlags> = async (invocation) => {
  const { context, options: flags, args } = invocation;
  const { json = false, quiet = false } = context.options;
  const { appVersion } = flags;
  if (!/^[^\p{Cc}]{1,200}$/u.test(appVersion))
    throw usage('--app-version takes 1 to 200 characters, none of them a control character');
  const source = String(args[0]);
  // Without a source there is nothing to guard, also at the first run.
  resolveRoot(source);
  const record = recordOf({ source, repository: context.repositoryPath, stateDirectory: flags.stateDir });
  const lastVersion = keeping(record, () => readSeenVersion(record)) ?? null;
  if (lastVersion === appVersion) {
    if (json) printJson({ action: 'none', appVersion, lastVersion });
    return 0;
  }
  const write = (): void => keeping(record, () => writeSeenVersion(record, appVersion));
  // Before the backup: nobody should wait for one and then learn that it will be made again at the next start.
  keeping(record, () => makeDirectories(dirname(record), 0o700));
  if (lastVersion === null) {
    write();
    if (json) printJson({ action: 'recorded', appVersion, lastVersion });
    else if (!quiet) note(`version ${printable(appVersion)} is recorded; nothing was backed up`);
    return 0;
  }
  if (!quiet && !json) note(`version ${printable(lastVersion)} → ${printable(appVersion)}: backing up first`);
  const marked = {
    purpose: 'update',
    tags: [`before-${appVersion}`],
    fields: { action: 'backup', appVersion, lastVersion },
    beforeTold: (exitCode: number) => {
      if (DONE.includes(exitCode)) write();
    },
  } as const;
  return telling(flags, () => backUp({ ...invocation, args: [[source]] }, marked));
};

/** What the system says of the record as an error of this program. */
function keeping<T>(record: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    const { code = 'error' } = cause as NodeJS.ErrnoException;
    throw new NbakError('STATE_FAILED', `Cannot keep the version that was seen in ${record}: ${code}`, {
      details: { file: record, code },
      hint: 'Name a directory that this user may write to, and that stays, with --state-dir or NBAK_STATE_DIR.',
      cause,
    });
  }
}
