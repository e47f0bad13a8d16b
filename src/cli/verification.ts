/** Verifying for a command: how far it is, and what was found. */

import { HeadCatalog } from '../repository/catalog-heads.js';
import type { BackupId } from '../format/ids.js';
import type { Repository } from '../repository/open.js';
import { formatVerificationKey } from '../vault/verification-key.js';
import type { Decryption } from '../verify/decrypt.js';
import {
  verdictExit,
  type HeadMemory,
  type VerifyOptions,
  type VerifyProblem,
  type VerifyResult,
} from '../verify/result.js';
import { verify } from '../verify/verify.js';
import type { Context } from './context.js';
import { parseDuration } from './options.js';
import { ProgressLine } from './progress-line.js';
import { coloured, count, formatBytes, formatDuration, note, printable, printLine } from './terminal.js';

/** What is verified and with what. */
export interface Subject {
  readonly repository: Repository;
  readonly packs: VerifyOptions['packs'];
  readonly decryption: Decryption | undefined;
}

/** Verifies and shows how far it is. */
export async function verifyShowing(
  context: Context,
  { repository, packs, decryption }: Subject,
  wanted: { readonly backups: readonly BackupId[]; readonly maxAge: string | undefined },
): Promise<VerifyResult> {
  using progress = new ProgressLine(context.options.quiet === true || context.options.json === true);
  const options: VerifyOptions = {
    packs,
    backups: wanted.backups,
    heads: laterHeads(
      () => new HeadCatalog(context.catalog(repository), formatVerificationKey(repository.verificationKey)),
    ),
    ...(wanted.maxAge !== undefined && { maxAgeMs: parseDuration(wanted.maxAge, '--max-age') }),
    signal: context.signal,
    onProgress: ({ bytesDone, bytesTotal }) =>
      progress.update({ label: 'verifying', done: bytesDone, total: bytesTotal }),
  };
  const result = await verify(repository, options, decryption);
  progress.end();
  return result;
}

/** The cache is opened when it is asked for: threads have work by then. */
function laterHeads(open: () => HeadMemory): HeadMemory {
  let opened: HeadMemory | undefined;
  const heads = (): HeadMemory => (opened ??= open());
  return { remembered: () => heads().remembered(), remember: (seen) => heads().remember(seen) };
}

function verdictWord({ ok, problems }: VerifyResult): string {
  if (ok) return coloured('green', 'ok');
  // Exit 22: nothing is broken, and still this is not the history it should be.
  return coloured('red', verdictExit(problems) === 22 ? 'taken back or stale' : 'damaged');
}

/** The findings and the verdict. */
export function printVerdict(result: VerifyResult, quiet: boolean): void {
  for (const problem of result.problems) printProblem(problem);
  const { backups, objects, blobs, bytes, durationMs, unreachable, decrypted } = result;
  if (quiet && result.ok) return;
  printLine(
    `${verdictWord(result)}: ${count(backups, 'backup')}, ${count(objects, 'object')}, ` +
      `${count(blobs, 'blob')}, ${formatBytes(bytes)} read, ${formatDuration(durationMs)}`,
  );
  if (decrypted !== undefined) {
    printLine(
      `content: ${count(decrypted.files, 'file')} compared, ${count(decrypted.databases, 'database')} checked`,
    );
    for (const path of decrypted.notCheckable) note(`not checkable here: ${printable(path)}`);
    for (const path of decrypted.damagedAtCapture) note(`damaged when it was backed up: ${printable(path)}`);
  }
  if (unreachable > 0)
    note(`${count(unreachable, 'object')} that no backup reaches: no fault, pruning removes them`);
}

function printProblem({ code, message, backups, files }: VerifyProblem): void {
  printLine(`${coloured('red', code)} ${printable(message)}`);
  if (backups.length > 0) printLine(`  backups: ${backups.map((id) => id.slice(0, 8)).join(' ')}`);
  for (const file of files.slice(0, 10)) printLine(`  file: ${printable(file)}`);
  if (files.length > 10) printLine(`  and ${count(files.length - 10, 'more file')}`);
}
