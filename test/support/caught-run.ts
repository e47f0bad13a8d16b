/** Runs of the program that are caught at a moment, however late a busy machine lets the test look. */

import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Outcome } from './cli.js';

/** A run that was started, and what tells that it has come to the moment. */
export interface Begun {
  readonly run: { readonly child: ChildProcess; readonly ended: Promise<Outcome> };
  readonly isThere: () => boolean;
}

const MOST_RUNS = 10;

/**
 * Starts a run and halts it (SIGSTOP) as soon as `isThere` holds. One that is over before this process has looked must
 * have ended well, and another one is begun, with as much to do.
 */
export async function halted(begin: () => Begun | Promise<Begun>): Promise<Begun['run']> {
  for (let count = 0; count < MOST_RUNS; count += 1) {
    const { run, isThere } = await begin();
    const { child } = run;
    while (!isThere() && child.exitCode === null) await sleep(1);
    child.kill('SIGSTOP');
    while (child.exitCode === null && !isHalted(child)) await sleep(1);
    if (child.exitCode === null) return run;
    expect(await run.ended).toMatchObject({ exit: 0 });
  }
  throw new Error('Each run was over before it could be halted');
}

/** Sends a signal to a run at the moment that `isThere` tells of, as {@link halted} does, and says how it ended. */
export async function signalled(
  signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL',
  begin: () => Begun | Promise<Begun>,
): Promise<Outcome> {
  for (let count = 1; ; count += 1) {
    const { child, ended } = await halted(begin);
    child.kill(signal);
    child.kill('SIGCONT');
    const outcome = await ended;
    // Between the moment and its end it may have had little left to do, and heeds a signal at its next step only.
    if (outcome.exit !== 0 || count === MOST_RUNS) return outcome;
  }
}

function isHalted({ pid }: ChildProcess): boolean {
  try {
    const stat = readFileSync(`/proc/${pid ?? 0}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
  } catch {
    return false;
  }
}
