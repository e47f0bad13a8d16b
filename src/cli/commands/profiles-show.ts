/** `nbak profiles show`: what a profile states, or what it would do with a directory, and why. */

import { processEnvironment } from '../../source/profiles/environment.js';
import type { Profile, Treatment } from '../../source/profiles/profile.js';
import { reportOn, type ProfileReport } from '../../source/profiles/report.js';
import { parseVaultKey } from '../../vault/vault-key.js';
import type { Context } from '../context.js';
import type { Run } from '../declaration.js';
import { usage } from '../options.js';
import { namedProfile } from '../profile-choice.js';
import { coloured, count, formatBytes, printable, printJson, printLine } from '../terminal.js';

/** Options of `nbak profiles show`. */
interface ShowFlags {
  readonly includeSecrets?: boolean;
}

/** `nbak profiles show PROFILE [DIR]` */
export const runProfilesShow: Run<ShowFlags> = async ({ context, options, args }) => {
  const [name, directory] = args as readonly (string | undefined)[];
  const isJson = context.options.json === true;
  if (directory === undefined) {
    if (name === 'auto') throw usage('auto needs a DIR to look at');
    const profile = await namedProfile(String(name));
    if (isJson) printJson(profile);
    else printProfile(profile);
    return 0;
  }
  const report = reportOn({
    sources: [directory],
    profile: name === 'auto' ? 'auto' : await namedProfile(String(name)),
    includeSecrets: options.includeSecrets === true,
    vaultKey: vaultKeyOf(context),
    environment: processEnvironment(),
  });
  if (isJson) printJson(report);
  else printReport(report);
  return report.unreadable.length === 0 ? 0 : 3;
};

function vaultKeyOf(context: Context): Uint8Array | undefined {
  const text = context.vaultKeyText();
  return text === undefined ? undefined : parseVaultKey(text);
}

const TREATED: Readonly<Record<Treatment, string>> = {
  'leave-out': 'left out',
  secret: 'secret',
  'secret-on-request': 'secret, on request',
};

function printProfile({ name, title, rules, appKeys, restoring }: Profile): void {
  printLine(`${name}: ${title}`);
  for (const { paths, treatment, why } of rules)
    printLine(`${TREATED[treatment].padEnd(19)} ${printable(paths.join(' '))}  (${why})`);
  for (const { from } of appKeys)
    for (const each of from)
      printLine(`${'app key'.padEnd(19)} ${printable('file' in each ? each.file : `$${each.environment}`)}`);
  printLine(`${'captured'.padEnd(19)} everything else`);
  for (const step of restoring.nextSteps) printLine(`${'after a restore'.padEnd(19)} ${step}`);
}

function printReport(report: ProfileReport): void {
  const line = (label: string, text: string): void => printLine(`${label.padEnd(9)} ${printable(text)}`);
  line('profile', report.profile);
  for (const { path, kind, files, databases, bytes } of report.captured) {
    const inside = databases > 0 && kind === 'directory' ? `, ${count(databases, 'database')}` : '';
    const what = kind === 'directory' ? count(files, 'file') + inside : kind;
    line('captured', `${path}  (${what}, ${formatBytes(bytes)})`);
  }
  for (const { path, why } of report.secret) line('secret', `${path}  (${why})`);
  for (const path of report.appKeys) line('app key', path);
  for (const { path, why } of report.leftOut) line('left out', `${path}  (${why})`);
  for (const text of report.outside) line('outside', text);
  for (const { profile, pid, sign } of report.running)
    line('running', `${profile}, process ${pid} (by ${sign})`);
  for (const path of report.unreadable)
    printLine(`${coloured('yellow', 'cannot be read')} ${printable(path)}`);
}
