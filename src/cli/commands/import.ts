/** `nbak import`: a backup of another program, into the repository. */

import { hostname, tmpdir } from 'node:os';
import { isComplete } from '../../backup/result.js';
import { FORMAT_NAMES } from '../../exchange/formats.js';
import { importBackup, type ImportResult } from '../../exchange/import.js';
import { appKeyToJson, describeAppKey } from '../app-keys.js';
import type { Run } from '../declaration.js';
import { fromOrOwnVaultKeyText, type FromKeyOptions } from '../from-key.js';
import { parseChoice, parseSize, usage } from '../options.js';
import { ProgressLine } from '../progress-line.js';
import {
  coloured,
  count,
  formatBytes,
  formatTime,
  note,
  printable,
  printJson,
  printLine,
} from '../terminal.js';
import { programVersion } from '../version.js';

const LOCK_WAIT_MS = 30_000;
const MOST_MEMBERS = 1_000_000;

/** Options of `nbak import`. */
export interface ImportFlags extends FromKeyOptions {
  readonly format: string;
  readonly origin?: string;
  readonly time?: string;
  readonly database?: string;
  readonly host?: string;
  readonly tag?: readonly string[];
  readonly maxSize: string;
}

/** `nbak import SRC` */
export const runImport: Run<ImportFlags> = async ({ context, options: flags, args }) => {
  const { origin } = flags;
  const format = parseChoice(flags.format, ['auto', ...FORMAT_NAMES], '--format');
  const time = flags.time === undefined ? undefined : parseTime(flags.time);
  const mostBytes = parseSize(flags.maxSize, '--max-size');
  const vaultKey = fromOrOwnVaultKeyText(context, flags);
  const unlocked = await context.unlock();
  using progress = new ProgressLine(context.options.quiet === true || context.options.json === true);
  const result = await importBackup(unlocked, context.catalog(unlocked), {
    source: String(args[0]),
    format,
    wish: { vaultKey, database: flags.database, mostBytes, mostMembers: MOST_MEMBERS },
    origin,
    time,
    backup: {
      labels: {
        host: flags.host ?? hostname(),
        tags: flags.tag ?? [],
        purpose: 'ordinary',
        writer: `nbak ${programVersion()}`,
      },
      stagingDirectory: tmpdir(),
      lockWaitMs: LOCK_WAIT_MS,
      threads: context.threads,
      signal: context.signal,
      onProgress: ({ phase, bytesDone, bytesTotal }) =>
        progress.update({ label: phase, done: bytesDone, total: bytesTotal }),
    },
  });
  progress.end();
  if (context.options.json === true)
    printJson({
      ...result,
      time: formatTime(result.time),
      appKeys: result.appKeys.map(appKeyToJson),
      keyEra: result.keyEra ?? null,
    });
  else print(result, context.options.quiet === true);
  return isComplete(result) ? 0 : 3;
};

/** An instant of RFC 3339, with its zone. */
function parseTime(text: string): number {
  const isInstant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})$/.test(text);
  const time = isInstant ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time) || time < 0)
    throw usage(`--time takes an instant such as 2026-05-01T12:00:00Z, not ${text}`);
  return time;
}

function print(result: ImportResult, quiet: boolean): void {
  printLine(quiet ? result.id : `backup ${result.id}`);
  const { format, time, origin, filesTotal, bytesTotal, bytesAdded, dropped, keyEra } = result;
  if (!quiet) {
    printLine(
      `${format}, state of ${formatTime(time)}, recorded as ${printable(origin)}: ` +
        `${count(filesTotal, 'file')} (${formatBytes(bytesTotal)}), ${formatBytes(bytesAdded)} added`,
    );
    if (keyEra !== undefined) note(`Its files opened with the key as ${keyEra} derived it.`);
    for (const name of dropped) note(`left out: ${printable(name)}`);
    for (const row of result.appKeys) printLine(describeAppKey(appKeyToJson(row)));
  }
  for (const { path, code, message } of [...result.unreadable, ...result.torn, ...result.damaged])
    note(`${coloured('yellow', code)} ${printable(path)}: ${printable(message)}`);
  if (!isComplete(result)) note('The import is done and incomplete (exit code 3).');
}
