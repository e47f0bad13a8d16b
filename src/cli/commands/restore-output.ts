/** What a restore came to, for people, and its exit code. */

import type { RestoreResult } from '../../restore/result.js';
import { verdictExit } from '../../verify/result.js';
import { describeTokens } from '../app-keys.js';
import { coloured, count, formatBytes, formatDuration, note, printable, printLine } from '../terminal.js';

/** Files that failed decide; then a database that was sound and is not. */
export function restoreExit({ failed, databases }: RestoreResult): number {
  const checks = databases
    .filter(({ verdict }) => verdict === 'failed')
    .map(() => ({ code: 'DATABASE_CHECK_FAILED' as const }));
  return verdictExit([...failed, ...checks]);
}

/** Prints what was restored and what was not. */
export function printRestored(result: RestoreResult, quiet: boolean): void {
  const { files, directories, links, fifos, bytes, durationMs, databases, failed, notRestored, tokens } =
    result;
  if (!quiet) {
    const pipes = fifos > 0 ? `, ${count(fifos, 'fifo')}` : '';
    printLine(
      `restored ${count(files, 'file')} (${formatBytes(bytes)}), ${count(directories, 'directory')}, ${count(links, 'link')}${pipes} in ${formatDuration(durationMs)}`,
    );
  }
  for (const { path, verdict, message } of databases) {
    if (!quiet || verdict === 'failed') {
      printLine(
        `database ${printable(path)}: ${verdict}${verdict === 'ok' || message === '' ? '' : ` (${printable(message)})`}`,
      );
    }
  }
  if (!quiet && tokens.opened + tokens.failed > 0)
    printLine(`with the backup's app keys: ${describeTokens(tokens)}`);
  for (const { path, code, message } of failed)
    note(`${coloured('red', code)} ${printable(path)}: ${printable(message)}`);
  if (!quiet) printNotRestored(notRestored);
}

/** Prints what could not be made, which is no failure. */
export function printNotRestored(texts: readonly string[]): void {
  for (const text of texts) note(`not restored: ${printable(text)}`);
}

/** Prints what the application needs now. */
export function printNextSteps(steps: readonly string[], quiet: boolean): void {
  if (!quiet) for (const step of steps) note(`next: ${printable(step)}`);
}
