/** `nbak verify`: with the public key alone, or with the vault key the content too. */

import { tmpdir } from 'node:os';
import { NbakError } from '../../errors.js';
import type { BackupId } from '../../format/ids.js';
import { HeadCatalog } from '../../repository/catalog-heads.js';
import { listBackupIds } from '../../repository/manifests.js';
import { resolveId } from '../../repository/resolve.js';
import type { Repository } from '../../repository/open.js';
import { checkDatabaseData } from '../../source/sqlite/integrity.js';
import { formatVerificationKey } from '../../vault/verification-key.js';
import type { Decryption } from '../../verify/decrypt.js';
import {
  verdictExit,
  type VerifyOptions,
  type VerifyProblem,
  type VerifyResult,
} from '../../verify/result.js';
import { verify } from '../../verify/verify.js';
import type { Context } from '../context.js';
import type { Run } from '../declaration.js';
import type { FilterOptions } from '../describe.js';
import { parseDuration } from '../options.js';
import { ProgressLine } from '../progress-line.js';
import {
  coloured,
  count,
  formatBytes,
  formatDuration,
  note,
  printable,
  printJson,
  printLine,
} from '../terminal.js';
import { selectBackup } from './select-backup.js';

/** Options of `nbak verify`. */
export interface VerifyFlags extends FilterOptions {
  readonly decrypt?: boolean;
  readonly maxAge?: string;
}

/** `nbak verify [BACKUP…]` */
export const runVerify: Run<VerifyFlags> = async ({ context, options: flags, args }) => {
  const subject = await openForVerify(context, flags.decrypt === true);
  const wanted = (args[0] ?? []) as readonly string[];
  const backups: BackupId[] = [];
  for (const text of wanted) {
    const isLatest = text === 'latest';
    backups.push(
      isLatest
        ? (await selectBackup(context, text, flags)).backup.id
        : resolveId(await listBackupIds(subject.repository), text),
    );
  }
  const result = await verifyShowing(context, subject, { backups, maxAge: flags.maxAge });
  if (context.options.json === true) printJson(result);
  else printVerdict(result, context.options.quiet === true);
  return verdictExit(result.problems);
};

/** What is verified and with what. */
interface Subject {
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
    heads: new HeadCatalog(context.catalog(repository), formatVerificationKey(repository.verificationKey)),
    ...(wanted.maxAge !== undefined && { maxAgeMs: parseDuration(wanted.maxAge, '--max-age') }),
    signal: context.signal,
    onProgress: ({ bytesDone, bytesTotal }) =>
      progress.update({ label: 'verifying', done: bytesDone, total: bytesTotal }),
  };
  const result = await verify(repository, options, decryption);
  progress.end();
  return result;
}

async function openForVerify(context: Context, decrypt: boolean): Promise<Subject> {
  if (decrypt) {
    const unlocked = await context.unlock();
    const reader = await context.reader(unlocked);
    const checkDatabase: Decryption['checkDatabase'] = (data) => checkDatabaseData(data, tmpdir());
    const packs = context.packChecker(reader.secrets);
    return { repository: unlocked, packs, decryption: { ...reader, checkDatabase } };
  }
  const packs = context.packChecker();
  // While they start, this thread opens the repository and lists it.
  packs.start();
  const { repository, verified } = await context.open();
  if (!verified) {
    throw new NbakError('PUBLIC_KEY_MISSING', 'Verifying needs the verification key, and none was given', {
      hint: 'Give it with --public-key or NBAK_PUBLIC_KEY. It is never taken from the repository: whoever replaced the one replaced the other.',
    });
  }
  return { repository, packs, decryption: undefined };
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
