/** `nbak verify`: with the public key alone, or with the vault key the content too. */

import { tmpdir } from 'node:os';
import { NbakError } from '../../errors.js';
import type { BackupId } from '../../format/ids.js';
import type { Repository } from '../../repository/open.js';
import type { Context } from '../context.js';
import type { Run } from '../declaration.js';
import type { FilterOptions } from '../describe.js';
import { printJson } from '../terminal.js';
import type { Subject } from '../verification.js';

/** Options of `nbak verify`. */
export interface VerifyFlags extends FilterOptions {
  readonly decrypt?: boolean;
  readonly maxAge?: string;
}

/** `nbak verify [BACKUP…]` */
export const runVerify: Run<VerifyFlags> = async ({ context, options: flags, args }) => {
  const subject = await (flags.decrypt === true ? openWithContent(context) : openWithoutContent(context));
  const backups = await chosenBackups(context, subject.repository, {
    wanted: (args[0] ?? []) as readonly string[],
    flags,
  });
  const { printVerdict, verifyShowing } = await import('../verification.js');
  const result = await verifyShowing(context, subject, { backups, maxAge: flags.maxAge });
  if (context.options.json === true) printJson(result);
  else printVerdict(result, context.options.quiet === true);
  const { verdictExit } = await import('../../verify/result.js');
  return verdictExit(result.problems);
};

async function chosenBackups(
  context: Context,
  repository: Repository,
  { wanted, flags }: { readonly wanted: readonly string[]; readonly flags: VerifyFlags },
): Promise<readonly BackupId[]> {
  if (wanted.length === 0) return [];
  const { selectBackup } = await import('./select-backup.js');
  const { listBackupIds } = await import('../../repository/manifests.js');
  const { resolveId } = await import('../../repository/resolve.js');
  const backups: BackupId[] = [];
  for (const text of wanted) {
    const isLatest = text === 'latest';
    backups.push(
      isLatest
        ? (await selectBackup(context, text, flags)).backup.id
        : resolveId(await listBackupIds(repository), text),
    );
  }
  return backups;
}

async function openWithContent(context: Context): Promise<Subject> {
  const { checkDatabaseData } = await import('../../source/sqlite/integrity.js');
  const unlocked = await context.unlock();
  const reader = await context.reader(unlocked);
  const packs = context.packChecker(reader.secrets);
  return {
    repository: unlocked,
    packs,
    decryption: { ...reader, checkDatabase: (data) => checkDatabaseData(data, tmpdir()) },
  };
}

async function openWithoutContent(context: Context): Promise<Subject> {
  const packs = context.packChecker();
  // While they start, this thread loads the rest of the program, opens the repository and lists it.
  packs.start();
  const { repository, verified } = await context.open();
  if (!verified) {
    throw new NbakError('PUBLIC_KEY_MISSING', 'Verifying needs the verification key, and none was given', {
      hint: 'Give it with --public-key or NBAK_PUBLIC_KEY. It is never taken from the repository: whoever replaced the one replaced the other.',
    });
  }
  return { repository, packs, decryption: undefined };
}
