/**
 * Has a task done by a process of its own. For `createBackup` that keeps the caller's locks: closing any descriptor of
 * a database drops those of the whole process (DESIGN §6), and an application calls this beside its open databases. For
 * the calls that nodyn made without `await` it is the one way to wait: the engine and its storages are asynchronous.
 */

import { spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { NbakError } from '../errors.js';
import { reviveError } from '../threads/messages.js';
import type { Answers, AskedTask, TaskAnswer, Tasks } from './protocol.js';
import type { Settings } from './settings.js';

const MODULE = fileURLToPath(new URL('./task-process.js', import.meta.url));

/** A million entries of a list. */
const MOST_ANSWER_BYTES = 512 * 2 ** 20;

/** Waits for the answer while other work goes on. */
export async function ask<Name extends keyof Tasks>(
  name: Name,
  settings: Settings,
  task: Tasks[Name],
): Promise<Answers[Name]> {
  const child = spawn(process.execPath, [MODULE], { stdio: ['pipe', 'pipe', 'inherit'], env: environment() });
  const parts: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => parts.push(part));
  // Of a process that ended early its answer, or none, tells more than a broken pipe.
  child.stdin.on('error', () => undefined);
  child.stdin.end(requestOf(name, settings, task));
  const how = await new Promise<string>((resolve) => {
    child.once('error', ({ message }) => resolve(message));
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code ?? '?'}`));
  });
  return answerOf(Buffer.concat(parts).toString(), how) as Answers[Name];
}

/** Waits for the answer, and lets nothing else happen in this thread until then. */
export function askAndBlock<Name extends keyof Tasks>(
  name: Name,
  settings: Settings,
  task: Tasks[Name],
): Answers[Name] {
  const result: SpawnSyncReturns<string | null> = spawnSync(process.execPath, [MODULE], {
    input: requestOf(name, settings, task),
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'inherit'],
    env: environment(),
    maxBuffer: MOST_ANSWER_BYTES,
  });
  const how = result.error?.message ?? result.signal ?? `exit code ${result.status ?? '?'}`;
  return answerOf(result.stdout, how) as Answers[Name];
}

/** The key goes by a pipe: arguments and environment of a process can be looked at. */
function requestOf(name: keyof Tasks, settings: Settings, task: Tasks[keyof Tasks]): string {
  return JSON.stringify({ name, settings, task } satisfies AskedTask);
}

/** No option of a debugger or a test of the application. */
function environment(): NodeJS.ProcessEnv {
  return { ...process.env, NODE_OPTIONS: undefined };
}

/** @param text - null where there was no process. */
function answerOf(text: string | null, how: string): Answers[keyof Tasks] {
  let answer: TaskAnswer;
  try {
    answer = JSON.parse(text ?? '') as TaskAnswer;
  } catch {
    throw new NbakError(
      'INTERNAL',
      `The process that works on the backups ended without an answer (${how})`,
      {
        hint: 'If it was killed, there may be too little memory; else please report it.',
      },
    );
  }
  if ('error' in answer) throw reviveError(answer.error);
  return answer.answer;
}
