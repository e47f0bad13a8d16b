/** A backup that a command makes before it changes a directory. */

import { hostname, tmpdir } from 'node:os';
import { backup } from '../backup/backup.js';
import { isComplete, type BackupSelection } from '../backup/result.js';
import type { BackupId } from '../format/ids.js';
import type { Context } from './context.js';
import type { ProgressLine } from './progress-line.js';
import { coloured, note, printable } from './terminal.js';
import { programVersion } from './version.js';

/** Milliseconds that a locked database keeps a safety backup waiting. */
const LOCK_WAIT_MS = 30_000;

/** What is backed up, and what the backup says of it. */
export interface SafetyBackup {
  readonly selection: BackupSelection;
  readonly profile: string;
  readonly tags: readonly string[];
}

/** Backs up, and says what could not be; incomplete, the backup counts all the same. */
export async function makeSafetyBackup(
  {
    context,
    progress,
    signal,
  }: {
    readonly context: Context;
    readonly progress: ProgressLine;
    readonly signal: AbortSignal | undefined;
  },
  { selection, profile, tags }: SafetyBackup,
): Promise<BackupId> {
  const unlocked = await context.unlock();
  const result = await backup(unlocked, context.catalog(unlocked), {
    selection,
    labels: {
      host: hostname(),
      tags,
      purpose: 'safety',
      writer: `nbak ${programVersion()}`,
      profile,
    },
    stagingDirectory: tmpdir(),
    lockWaitMs: LOCK_WAIT_MS,
    threads: context.threads,
    ...(signal && { signal }),
    onProgress: ({ bytesDone, bytesTotal }) =>
      progress.update({ label: 'safety backup', done: bytesDone, total: bytesTotal }),
  });
  progress.end();
  const { quiet = false, json = false } = context.options;
  if (!quiet && !json) note(`safety backup ${result.id}`);
  for (const { path, code, message } of [...result.unreadable, ...result.torn, ...result.damaged])
    if (!json) note(`${coloured('yellow', code)} ${printable(path)}: ${printable(message)}`);
  if (!isComplete(result) && !quiet && !json) note('The safety backup is incomplete, and counts.');
  return result.id;
}
