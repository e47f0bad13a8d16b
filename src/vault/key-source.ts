/** Where a vault key comes from: an option beats the environment, two options are a mistake, and never an argument. */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { NbakError } from '../errors.js';

/** Where the user says the vault key is. */
export interface KeySource {
  readonly file?: string;
  /** A shell command that prints it. */
  readonly command?: string;
  /** The value of NBAK_VAULT_KEY. */
  readonly environment?: string;
}

/** No vault key is longer; a wrong file name must not load a disk image. */
const MOST_BYTES = 64 * 1024;

/**
 * The text of the vault key.
 *
 * @returns undefined when none is given.
 * @throws NbakError `USAGE_INVALID` for two options; `KEY_MISSING` when the file or command gives none.
 */
export function readVaultKey({ file, command, environment }: KeySource): string | undefined {
  if (file !== undefined && command !== undefined) {
    throw new NbakError(
      'USAGE_INVALID',
      'Two vault keys were given: --vault-key-file and --vault-key-command',
      {
        hint: 'Give one of them.',
      },
    );
  }
  if (file !== undefined) return withoutLineEnd(readKeyFile(file));
  if (command !== undefined) return withoutLineEnd(runKeyCommand(command));
  return environment === undefined || environment === '' ? undefined : environment;
}

function readKeyFile(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    const { code = 'error' } = cause as NodeJS.ErrnoException;
    throw new NbakError('KEY_MISSING', `Cannot read the vault key file ${file}: ${code}`, {
      details: { file, code },
      hint: 'Check the path and its permissions.',
      cause,
    });
  }
  if (bytes.length > MOST_BYTES) {
    throw new NbakError('KEY_MALFORMED', `${file} is too large to be a vault key file`, {
      details: { file },
    });
  }
  return bytes.toString('utf8');
}

function runKeyCommand(command: string): string {
  const { status, stdout, error, signal } = spawnSync('/bin/sh', ['-c', command], {
    stdio: ['inherit', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: MOST_BYTES,
  });
  if (error === undefined && status === 0 && stdout !== '') return stdout;
  const how =
    error?.message ??
    (status === 0 ? 'it printed nothing' : `it ended with ${signal ?? `exit code ${status ?? '?'}`}`);
  // The command may hold a secret itself, so it is not repeated.
  throw new NbakError('KEY_MISSING', `The vault key command gave no key: ${how}`, {
    hint: 'Run it by hand to see why.',
  });
}

/** §2.1: one final line end is not part of the key. */
function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, '');
}
