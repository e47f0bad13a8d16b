/** Starts processes of our own beside this one. */

import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * Runs a module in a process that has no key of ours, no option of a debugger and no output into the user's; it is
 * talked to by messages.
 *
 * @param environment what it gets beside `PATH`.
 */
export function forkSilently(
  module: URL,
  args: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): ChildProcess {
  return fork(fileURLToPath(module), args, {
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    execArgv: [],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
}
