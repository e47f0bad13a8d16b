/** `nbak forget`: backups leave the history, on purpose and signed. */

import type { BackupId } from '../../format/ids.js';
import { listBackupIds } from '../../repository/manifests.js';
import { resolveId } from '../../repository/resolve.js';
import { forget } from '../../retention/forget.js';
import { planForget } from '../../retention/plan.js';
import type { Run } from '../declaration.js';
import type { FilterOptions } from '../describe.js';
import { count, formatTime, note, printJson, printLine } from '../terminal.js';
import { selectBackup } from './select-backup.js';

/** Options of `nbak forget`. */
export interface ForgetFlags extends FilterOptions {
  readonly dryRun?: boolean;
}

/** `nbak forget BACKUP…` */
export const runForget: Run<ForgetFlags> = async ({ context, options: flags, args }) => {
  const { json = false, quiet = false } = context.options;
  const unlocked = await context.unlock();
  const ids: BackupId[] = [];
  for (const text of args[0] as readonly string[]) {
    ids.push(
      text === 'latest'
        ? (await selectBackup(context, text, flags)).backup.id
        : resolveId(await listBackupIds(unlocked), text),
    );
  }
  const plan = await planForget(unlocked, ids);
  if (flags.dryRun === true) {
    const backups = plan.backups.map(({ id }) => id);
    if (json) printJson({ dryRun: true, backups, leftOver: plan.leftOver });
    else {
      for (const { id, manifest } of plan.backups)
        printLine(`would forget ${id}  ${formatTime(manifest.time)}`);
      for (const id of plan.leftOver) printLine(`would delete what an earlier forget left: ${id}`);
    }
    return 0;
  }
  const result = await forget(unlocked, plan, { signal: context.signal });
  if (json) printJson(result);
  else if (!quiet) {
    for (const id of result.forgotten) printLine(`forgotten ${id}`);
    note(
      `${count(result.forgotten.length, 'backup')} forgotten. No space is freed yet: that is for pruning.`,
    );
  }
  return 0;
};
