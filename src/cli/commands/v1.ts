/** `nbak v1`: backups of NBAK version 1 (nodyn, lynox) where they lie, without a repository. */

import { tmpdir } from 'node:os';
import { nodeCrypto } from '../../crypto/node.js';
import { isNbakError, NbakError } from '../../errors.js';
import { findV1Directories, V1Directory } from '../../exchange/v1/directory.js';
import { restoreV1, sizeOf, type V1Access } from '../../exchange/v1/restore.js';
import { verifyV1, type V1Verification } from '../../exchange/v1/verify.js';
import { verdictExit } from '../../verify/result.js';
import type { Context } from '../context.js';
import type { Invocation, Run } from '../declaration.js';
import { fromOrOwnVaultKeyText, fromVaultKeyText, type FromKeyOptions } from '../from-key.js';
import { usage } from '../options.js';
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

/** `nbak v1 list DIR` */
export const runV1List: Run<object> = ({ context, args }) => {
  const backups: ReturnType<typeof describe>[] = [];
  const problems: { path: string; code: string; message: string }[] = [];
  for (const path of found(args)) {
    try {
      using backup = new V1Directory(path);
      backups.push(describe(backup));
    } catch (error) {
      if (!isNbakError(error)) throw error;
      problems.push({ path, code: error.code, message: error.message });
    }
  }
  backups.sort((a, b) => (a.time < b.time ? 1 : -1));
  if (context.options.json === true) printJson({ backups, problems });
  else {
    for (const { path, time, era, encrypted, files, bytes } of backups) {
      const kind = encrypted ? 'encrypted' : 'plain';
      printLine(
        `${time}  ${era}  ${kind.padEnd(9)}  ${count(files, 'file')}, ${formatBytes(bytes)}  ${printable(path)}`,
      );
    }
    for (const { path, code, message } of problems)
      note(`${coloured('red', code)} ${printable(path)}: ${printable(message)}`);
  }
  return Promise.resolve(verdictExit(problems as Parameters<typeof verdictExit>[0]));
};

/** `nbak v1 verify DIR` */
export const runV1Verify: Run<FromKeyOptions> = async ({ context, options, args }) => {
  const results: ({ path: string; time: string | null } & V1Verification)[] = [];
  const paths = found(args);
  for (const path of paths) {
    try {
      using backup = new V1Directory(path);
      const result = await verifyOne(context, backup, options);
      results.push({ path, time: formatTime(backup.manifest.createdAt), ...result });
      if (context.options.json !== true) print(backup, result, context.options.quiet === true);
    } catch (error) {
      // Of several, one that cannot be opened must not keep the others from being looked at.
      if (paths.length === 1 || !isNbakError(error) || error.code === 'INTERRUPTED') throw error;
      const { code, message } = error;
      results.push({ path, time: null, ...NOT_OPENED, problems: [{ code, message }] });
      if (context.options.json !== true)
        printLine(`${coloured('red', code)} ${printable(path)}: ${printable(message)}`);
    }
  }
  const problems = results.flatMap((result) => result.problems);
  if (context.options.json === true) {
    const backups = results.map(({ era, ...rest }) => ({ ...rest, keyEra: era ?? null }));
    printJson({ ok: problems.length === 0, backups });
  }
  return verdictExit(problems);
};

const NOT_OPENED = { files: 0, bytes: 0, era: undefined, databases: [], unlisted: [] } as const;

/** `nbak v1 restore DIR --target OUT` */
export const runV1Restore: Run<FromKeyOptions & { readonly target?: string }> = (invocation) => {
  const { context, options, args } = invocation;
  const { target } = options;
  if (target === undefined || target === '')
    throw usage('--target OUT is missing: where should the files go?');
  using backup = new V1Directory(String(args[0]));
  const access = accessTo(context, backup, fromOrOwnVaultKeyText(context, options));
  const { files, bytes, era } = restoreV1(access, target);
  const keyEra = era ?? null;
  if (context.options.json === true) {
    const { path, manifest } = backup;
    printJson({
      path,
      time: formatTime(manifest.createdAt),
      target,
      era: manifest.era,
      keyEra,
      files,
      bytes,
    });
  } else if (context.options.quiet !== true) {
    printLine(`restored ${count(files, 'file')} (${formatBytes(bytes)}) to ${printable(target)}`);
    noteEra(backup, era);
  }
  return Promise.resolve(0);
};

function found(args: Invocation<object>['args']): readonly string[] {
  const directory = String(args[0]);
  const paths = findV1Directories(directory);
  if (paths.length > 0) return paths;
  throw new NbakError('BACKUP_NOT_FOUND', `${directory} neither is a backup of version 1 nor holds one`, {
    details: { path: directory },
    hint: 'Give the directory with manifest.json in it, or the one above it.',
  });
}

function accessTo(context: Context, backup: V1Directory, vaultKey: string | undefined): V1Access {
  return { crypto: nodeCrypto, backup, vaultKey, signal: context.signal };
}

/** A key that was meant for a repository and does not fit is no fault of this backup. */
async function verifyOne(
  context: Context,
  backup: V1Directory,
  options: FromKeyOptions,
): Promise<V1Verification> {
  const given = fromVaultKeyText(options);
  const own = given === undefined ? context.vaultKeyText() : undefined;
  try {
    return await verifyV1(accessTo(context, backup, given ?? own), tmpdir());
  } catch (error) {
    if (own === undefined || !isNbakError(error, 'KEY_WRONG')) throw error;
    return verifyV1(accessTo(context, backup, undefined), tmpdir());
  }
}

function describe(backup: V1Directory): {
  readonly path: string;
  readonly time: string;
  readonly era: string;
  readonly appVersion: string;
  readonly directory: string;
  readonly encrypted: boolean;
  readonly files: number;
  readonly bytes: number;
} {
  const { era, appVersion, directory, encrypted, createdAt } = backup.manifest;
  return {
    path: backup.path,
    time: formatTime(createdAt),
    era,
    appVersion,
    directory,
    encrypted,
    files: backup.files.length,
    bytes: sizeOf(backup),
  };
}

function print(backup: V1Directory, result: V1Verification, quiet: boolean): void {
  const { problems, files, bytes, databases, era, unlisted } = result;
  for (const { code, message } of problems) printLine(`${coloured('red', code)} ${printable(message)}`);
  if (quiet && problems.length === 0) return;
  const word = problems.length === 0 ? coloured('green', 'ok') : coloured('red', 'damaged');
  printLine(`${word}: ${printable(backup.path)}, ${count(files, 'file')}, ${formatBytes(bytes)} read`);
  if (quiet) return;
  for (const { path, verdict } of databases) printLine(`database ${printable(path)}: ${verdict}`);
  for (const name of unlisted) note(`not in the manifest: ${printable(name)}`);
  noteEra(backup, era);
  if (backup.manifest.encrypted && era === undefined)
    note('Encrypted, and no key was given: the content was compared with its checksums and not opened.');
  note('Nothing in a backup of version 1 is signed: whoever could write there could have made all of it.');
}

function noteEra({ manifest }: V1Directory, era: string | undefined): void {
  if (era !== undefined) note(`Its files open with the key as ${era} derived it.`);
  if (era !== undefined && era !== manifest.era) note(`Its manifest is ${manifest.era}’s.`);
}
