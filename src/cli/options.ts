/** Options that every command has, and how option values are read. Light: imported at every start. */

import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { NbakError } from '../errors.js';

/** Options that every command has. */
export interface GlobalOptions {
  readonly repository?: string;
  readonly vaultKeyFile?: string;
  readonly vaultKeyCommand?: string;
  readonly publicKey?: string;
  readonly cacheDir?: string;
  readonly threads?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Declares the options of {@link GlobalOptions} on a command. */
export function addGlobalOptions(command: Command): Command {
  return command
    .option('-r, --repository <dir>', 'the repository (or NBAK_REPOSITORY)')
    .option('--vault-key-file <file>', 'file that holds the vault key (else NBAK_VAULT_KEY)')
    .option('--vault-key-command <cmd>', 'shell command that prints the vault key')
    .option(
      '--public-key <key>',
      'verification key nbakpub1…, or a file that holds it (else NBAK_PUBLIC_KEY)',
    )
    .option('--cache-dir <dir>', 'where the catalog is kept (else NBAK_CACHE_DIR)')
    .option('--threads <n>', 'worker threads')
    .option('--json', 'one JSON document on stdout')
    .option('--quiet', 'no progress and no messages but errors');
}

/** Collects a repeatable option. */
export function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

/** The number of worker threads. */
export function parseThreads({ threads }: GlobalOptions): number {
  if (threads === undefined) return Math.min(availableParallelism(), MOST_DEFAULT_THREADS);
  const value = Number(threads);
  if (!Number.isInteger(value) || value < 1 || value > 64)
    throw usage(`--threads takes a whole number from 1 to 64, not ${threads}`);
  return value;
}

const MOST_DEFAULT_THREADS = 4;

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds of `30s`, `500ms`, `10m`, `26h` or `7d`. */
export function parseDuration(text: string, option: string): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  const factor = DURATION_UNITS[unit];
  if (amount === undefined || factor === undefined)
    throw usage(`${option} takes a duration such as 30s, 10m or 26h, not ${text}`);
  return Number(amount) * factor;
}

const SIZE_UNITS: Readonly<Record<string, number>> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** Bytes of `64MiB`, `500KiB` or `1.5GiB`, at least one. */
export function parseSize(text: string, option: string): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(KiB|MiB|GiB)$/.exec(text) ?? [];
  const bytes = Math.floor(Number(amount ?? 0) * (SIZE_UNITS[unit] ?? 0));
  if (bytes < 1) throw usage(`${option} takes a size such as 512KiB, 64MiB or 2GiB, not ${text}`);
  return bytes;
}

/** One of a few words. */
export function parseChoice<T extends string>(text: string, choices: readonly T[], option: string): T {
  const choice = choices.find((each) => each === text);
  if (choice === undefined) throw usage(`${option} takes ${choices.join(' or ')}, not ${text}`);
  return choice;
}

/** The error for a wrong argument. */
export function usage(message: string): NbakError {
  return new NbakError('USAGE_INVALID', message, { hint: 'See `nbak help`.' });
}
