/** What a manager asks its process to do, and what that answers. */

import type { Purpose } from '../format/manifest.js';
import type { SentError } from '../threads/messages.js';
import type { BackupEntry } from './entry.js';
import type { VerifyOutcome } from './outcomes.js';
import type { Settings } from './settings.js';

/** Tasks by name. */
export interface Tasks {
  readonly create: { readonly purpose: Purpose };
  readonly list: object;
  readonly verify: { readonly path: string };
  readonly prune: { readonly days: number };
}

/** What each task answers. */
export interface Answers {
  readonly create: {
    readonly entry: BackupEntry;
    readonly problems: readonly string[];
    readonly leftOut: readonly string[];
  };
  /** Newest first. */
  readonly list: readonly BackupEntry[];
  readonly verify: VerifyOutcome;
  /** How many were forgotten. */
  readonly prune: number;
}

/** One request: the whole standard input of the process, as JSON. */
export interface AskedTask {
  readonly name: keyof Tasks;
  readonly settings: Settings;
  readonly task: Tasks[keyof Tasks];
}

/** One answer: its whole standard output. */
export type TaskAnswer = { readonly answer: Answers[keyof Tasks] } | { readonly error: SentError };
