/** Runs that nobody watches: who is told how one ended, by a ping or by a command. */

import { spawnSync } from 'node:child_process';
import { isNbakError, type ErrorCode } from '../errors.js';
import { usage } from './options.js';
import { note } from './terminal.js';
import { programVersion } from './version.js';

/** Options of commands that tell. */
export interface TellOptions {
  readonly ping?: string;
  readonly onFailure?: string;
}

/** How a run ended. */
export interface Ending {
  readonly exitCode: number;
  /** What was wrong; the gravest of several things. */
  readonly error?: { readonly code?: ErrorCode; readonly message: string };
}

const PING_MS = 10_000;
const COMMAND_MS = 60_000;

/**
 * Runs and tells how it ended, whether by an exit code or by an error, which is thrown on.
 *
 * @throws NbakError `USAGE_INVALID` for a URL that cannot be pinged, before anything runs; what `run` throws.
 */
export async function telling({ ping, onFailure }: TellOptions, run: () => Promise<Ending>): Promise<number> {
  const url = ping === undefined ? undefined : parseUrl(ping);
  const tell = async (ending: Ending): Promise<void> => {
    if (url !== undefined) await sendPing(ending.exitCode === 0 ? url : failing(url));
    if (onFailure !== undefined && ending.exitCode !== 0) runCommand(onFailure, ending);
  };
  let ending: Ending;
  try {
    ending = await run();
  } catch (error) {
    await tell(endingOf(error));
    throw error;
  }
  await tell(ending);
  return ending.exitCode;
}

function endingOf(error: unknown): Ending {
  if (isNbakError(error)) return { exitCode: error.exitCode, error };
  return { exitCode: 1, error: { code: 'INTERNAL', message: String(error) } };
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw usage('--ping takes a URL that begins with http:// or https://');
  if (url.username !== '' || url.password !== '')
    throw usage('--ping takes a URL without a user name and password');
  return url;
}

/** As monitoring services want it: the same address with `/fail` behind it. */
function failing(url: URL): URL {
  const failed = new URL(url);
  failed.pathname = `${failed.pathname.replace(/\/$/, '')}/fail`;
  return failed;
}

async function sendPing(url: URL): Promise<void> {
  // The path of such a URL is what a stranger would need to send pings himself: it stays out of logs.
  const what = `The ping to ${url.origin} failed`;
  try {
    const response = await fetch(url, {
      signal: AbortSignal.timeout(PING_MS),
      headers: { 'user-agent': `nbak/${programVersion()}` },
    });
    await response.body?.cancel();
    if (!response.ok) note(`${what}: it was answered with ${response.status}`);
  } catch (error) {
    note(`${what}: ${reasonOf(error)}`);
  }
}

/** fetch hides what happened in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${PING_MS / 1000} s`;
  const { cause } = error;
  return cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? cause.message) : error.message;
}

function runCommand(command: string, { exitCode, error }: Ending): void {
  const {
    status,
    signal,
    error: failure,
  } = spawnSync('/bin/sh', ['-c', command], {
    // stdout is for the run's own result.
    stdio: ['ignore', 2, 2],
    timeout: COMMAND_MS,
    env: {
      ...process.env,
      NBAK_VAULT_KEY: undefined,
      NBAK_EXIT_CODE: String(exitCode),
      NBAK_ERROR_CODE: error?.code ?? '',
      NBAK_ERROR_MESSAGE: error?.message ?? '',
    },
  });
  if (status === 0) return;
  note(`The command of --on-failure failed: ${failure?.message ?? `exit code ${signal ?? status ?? '?'}`}`);
}
