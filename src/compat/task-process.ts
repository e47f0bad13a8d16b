/** The process that does a manager's tasks: one request on standard input, one answer on standard output. */

import { readFileSync, writeFileSync } from 'node:fs';
import { sendableError } from '../threads/messages.js';
import type { AskedTask, TaskAnswer } from './protocol.js';
import type { Settings } from './settings.js';
import { TASKS } from './tasks/index.js';

const STDIN = 0;
const STDOUT = 1;

const { name, settings, task } = JSON.parse(readFileSync(STDIN, 'utf8')) as AskedTask;
const run = TASKS[name] as (settings: Settings, task: AskedTask['task']) => Promise<unknown>;
let answer: TaskAnswer;
try {
  answer = { answer: await run(settings, task) } as TaskAnswer;
} catch (error) {
  answer = { error: sendableError(error) };
}
writeFileSync(STDOUT, JSON.stringify(answer));
