/** `nbak backup`: one backup. */

import { readFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { backup } from '../../backup/backup.js';
import { planBackup } from '../../backup/plan.js';
import {
  isComplete,
  type BackupOptions,
  type BackupProblem,
  type BackupResult,
} from '../../backup/result.js';
import { ERROR_CODES, NbakError } from '../../errors.js';
import type { BackupId } from '../../format/ids.js';
import type { Purpose } from '../../format/manifest.js';
import type { UnlockedRepository } from '../../repository/open.js';
import { verdictExit, type VerifyResult } from '../../verify/result.js';
import { applyProfiles, type ProfiledSources } from '../../source/profiles/apply.js';
import { processEnvironment } from '../../source/profiles/environment.js';
import { homesOf } from '../../source/profiles/homes.js';
import { parseVaultKey } from '../../vault/vault-key.js';
import { appKeyToJson, describeAppKey } from '../app-keys.js';
import type { Context } from '../context.js';
import type { Invocation, Run } from '../declaration.js';
import { parseDuration, usage } from '../options.js';
import { namedProfile } from '../profile-choice.js';
import { ProgressLine } from '../progress-line.js';
import {
  coloured,
  count,
  formatAmount,
  formatBytes,
  formatDuration,
  formatTime,
  note,
  printable,
  printJson,
  printLine,
} from '../terminal.js';
import { telling, type Ending, type TellOptions } from '../unattended.js';
import { programVersion } from '../version.js';

/** Options of `nbak backup`. */
export interface BackupFlags extends TellOptions {
  readonly profile: string;
  readonly includeSecrets?: boolean;
  readonly exclude?: readonly string[];
  readonly excludeFile?: readonly string[];
  readonly excludeCaches?: boolean;
  readonly oneFileSystem?: boolean;
  readonly tag?: readonly string[];
  readonly host?: string;
  readonly lockWait: string;
  readonly verify?: boolean;
  readonly dryRun?: boolean;
}

/** `nbak backup` */
export const runBackup: Run<BackupFlags> = async (invocation) => {
  const { options } = invocation;
  if (options.dryRun !== true) return telling(options, () => backUp(invocation));
  if (options.verify === true || options.ping !== undefined || options.onFailure !== undefined)
    throw usage('--dry-run does not go together with --verify, --ping and --on-failure');
  return plan(invocation);
};

/** What tells a backup from an ordinary one. */
export interface BackupMarks {
  readonly purpose: Purpose;
  readonly tags: readonly string[];
  /** Stand first in the JSON document. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Runs when the exit code is known, before the document is printed; what it throws is the failure then. */
  readonly beforeTold?: (exitCode: number) => void;
}

const UNMARKED: BackupMarks = { purpose: 'ordinary', tags: [], fields: {} };

/** Backs up, verifies where that is asked for, and prints the result. */
export async function backUp(
  { context, options: flags, args }: Invocation<BackupFlags>,
  { purpose, tags, fields, beforeTold }: BackupMarks = UNMARKED,
): Promise<Ending> {
  using progress = new ProgressLine(context.options.quiet === true || context.options.json === true);
  const profiled = await profileSources(context, flags, args);
  const ordinary = backupOptions(context, flags, profiled);
  const labels = { ...ordinary.labels, purpose, tags: [...ordinary.labels.tags, ...tags] };
  const options = { ...ordinary, labels };
  const unlocked = await context.unlock();
  const result = await backup(unlocked, context.catalog(unlocked), {
    ...options,
    onProgress: ({ phase, bytesDone, bytesTotal }) =>
      progress.update({ label: phase, done: bytesDone, total: bytesTotal }),
  });
  progress.end();
  const isJson = context.options.json === true;
  if (!isJson) printResult(result, profiled, context.options.quiet === true);
  const verification = flags.verify === true ? await verifyBackup(context, unlocked, result.id) : undefined;
  const ending = endingOf(result, verification?.problems ?? []);
  beforeTold?.(ending.exitCode);
  if (isJson) {
    printJson({
      ...fields,
      ...result,
      time: formatTime(result.time),
      appKeys: result.appKeys.map(appKeyToJson),
      ...profileFields(profiled),
      ...(verification && { verification }),
    });
  }
  return ending;
}

async function plan({ context, options: flags, args }: Invocation<BackupFlags>): Promise<number> {
  const profiled = await profileSources(context, flags, args);
  const options = backupOptions(context, flags, profiled);
  const unlocked = await context.unlock();
  const planned = await planBackup(unlocked, context.catalog(unlocked), options);
  if (context.options.json === true) printJson({ dryRun: true, ...planned, ...profileFields(profiled) });
  else {
    printLine(
      `would back up ${count(planned.filesTotal, 'file')} (${formatBytes(planned.bytesTotal)}), of which ` +
        `${count(planned.filesToRead, 'file')} (${formatBytes(planned.bytesToRead)}) would be read`,
    );
  }
  return 0;
}

/** Finds out whose state the sources are. */
async function profileSources(
  context: Context,
  flags: BackupFlags,
  args: Invocation<BackupFlags>['args'],
): Promise<ProfiledSources> {
  const environment = processEnvironment();
  const profile = flags.profile === 'auto' ? 'auto' : await namedProfile(flags.profile);
  const given = (args[0] ?? []) as readonly string[];
  const sources = given.length > 0 || profile === 'auto' ? given : homesOf(profile, environment);
  if (sources.length === 0) {
    throw new NbakError('USAGE_INVALID', 'There is nothing to back up: no SOURCE was given', {
      hint: 'Name a directory, or with --profile an application whose state is where it usually is.',
    });
  }
  const text = context.vaultKeyText();
  return applyProfiles({
    sources,
    profile,
    includeSecrets: flags.includeSecrets === true,
    vaultKey: text === undefined ? undefined : parseVaultKey(text),
    environment,
  });
}

/** What `--json` says of profiles. */
function profileFields({ profile, outside, leftOut, running }: ProfiledSources): Record<string, unknown> {
  return { profile, outside, leftOut, running };
}

function backupOptions(
  context: Context,
  flags: BackupFlags,
  { sources, profile, outside }: ProfiledSources,
): BackupOptions {
  return {
    selection: {
      sources,
      exclude: [...readPatterns(flags.excludeFile ?? []), ...(flags.exclude ?? [])],
      excludeCaches: flags.excludeCaches === true,
      oneFileSystem: flags.oneFileSystem === true,
      skip: [context.repositoryPath, context.cacheDirectory],
    },
    labels: {
      host: flags.host ?? hostname(),
      tags: flags.tag ?? [],
      purpose: 'ordinary',
      writer: `nbak ${programVersion()}`,
      profile,
      outside,
    },
    stagingDirectory: tmpdir(),
    lockWaitMs: parseDuration(flags.lockWait, '--lock-wait'),
    threads: context.threads,
    signal: context.signal,
  };
}

/** Reads back what was just stored, as anybody with the public key would, and says what it found. */
async function verifyBackup(
  context: Context,
  repository: UnlockedRepository,
  id: BackupId,
): Promise<VerifyResult> {
  const { printVerdict, verifyShowing } = await import('../verification.js');
  const subject = { repository, packs: context.packChecker(), decryption: undefined };
  const result = await verifyShowing(context, subject, { backups: [id], maxAge: undefined });
  if (context.options.json !== true) printVerdict(result, context.options.quiet === true);
  return result;
}

/** What does not verify is graver than what is missing. */
function endingOf(result: BackupResult, damage: VerifyResult['problems']): Ending {
  const exitCode = verdictExit(damage);
  const gravest = damage.find(({ code }) => ERROR_CODES[code].exit === exitCode);
  if (gravest !== undefined) return { exitCode, error: gravest };
  if (isComplete(result)) return { exitCode: 0 };
  const [first] = problemsOf(result);
  const error =
    first === undefined
      ? { message: 'The databases could not be seen at one moment' }
      : { code: first.code, message: `${first.path}: ${first.message}` };
  return { exitCode: 3, error };
}

function problemsOf({ unreadable, torn, damaged }: BackupResult): readonly BackupProblem[] {
  return [...unreadable, ...torn, ...damaged];
}

function readPatterns(files: readonly string[]): readonly string[] {
  return files.flatMap((file) => {
    try {
      return readFileSync(file, 'utf8')
        .replace(/^\uFEFF/, '')
        .split(/\r?\n/)
        .filter((line) => line.trim() !== '' && !line.startsWith('#'));
    } catch (error) {
      throw usage(
        `Cannot read the exclude file ${file}: ${(error as NodeJS.ErrnoException).code ?? 'error'}`,
      );
    }
  });
}

function printResult(result: BackupResult, profiled: ProfiledSources, quiet: boolean): void {
  // What was asked for goes to stdout, also quietly: scripts want the id.
  printLine(quiet ? result.id : `backup ${result.id}`);
  if (!quiet) {
    const { filesTotal, filesUnchanged, bytesRead, bytesAdded, durationMs, databases, cut } = result;
    const seen = databases === 0 ? 'no databases' : `${count(databases, 'database')}, cut ${cut}`;
    printLine(
      `${count(filesTotal, 'file')} (${formatAmount(filesUnchanged)} unchanged, ${seen}), ` +
        `${formatBytes(bytesRead)} read, ${formatBytes(bytesAdded)} added, ${formatDuration(durationMs)}`,
    );
  }
  printProfiled(profiled, quiet);
  if (!quiet) for (const row of result.appKeys) printLine(describeAppKey(appKeyToJson(row)));
  for (const { path, code, message } of problemsOf(result))
    note(`${coloured('yellow', code)} ${printable(path)}: ${printable(message)}`);
  for (const { path, bytes } of result.tornLines)
    note(
      `${coloured('yellow', 'torn line')} ${printable(path)}: its last ${count(bytes, 'byte')} are no line, and left out`,
    );
  if (cut(result)) note(`${coloured('yellow', 'cut none')}: the databases could not be seen at one moment`);
  if (!isComplete(result)) note('The backup is done and incomplete (exit code 3).');
}

/** What is not in the backup is said also quietly: nobody would look for it before it is missing. */
function printProfiled({ profile, outside, leftOut, running }: ProfiledSources, quiet: boolean): void {
  if (!quiet && profile !== 'generic') printLine(`profile ${printable(profile)}`);
  if (!quiet) {
    for (const { profile: name, pid } of running)
      note(`${printable(name)} runs (process ${pid}): what it writes while it is backed up may be missing`);
  }
  for (const text of outside) note(`${coloured('yellow', 'outside')} ${printable(text)}`);
  for (const { path, why } of leftOut)
    note(`${coloured('yellow', 'left out')} ${printable(path)}: ${printable(why)}`);
}

function cut(result: BackupResult): boolean {
  return result.cut === 'none';
}
