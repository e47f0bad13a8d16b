/** `nbak appkey list|check|export`: the app keys that a backup carries. */

import { tmpdir } from 'node:os';
import { checkAppKeys, noAppKeys } from '../../appkey/check.js';
import { readAppKeyText } from '../../appkey/export.js';
import type { ManifestDetail } from '../../format/manifest.js';
import { NbakError } from '../../errors.js';
import { verdictExit } from '../../verify/result.js';
import { appKeyToJson, describeAppKey, describeTokens } from '../app-keys.js';
import type { FilterOptions } from '../describe.js';
import type { Run } from '../declaration.js';
import { writePrivateFile } from '../private-output.js';
import { coloured, note, printable, printJson, printLine } from '../terminal.js';
import { selectBackup, selectContent } from './select-backup.js';

/** `nbak appkey list BACKUP` */
export const runAppKeyList: Run<FilterOptions> = async ({ context, options, args }) => {
  const { backup, verified } = await selectBackup(context, String(args[0]), options);
  if (backup.detail === undefined) {
    throw new NbakError('KEY_MISSING', 'The names in this repository are sealed: the vault key is needed', {
      hint: 'Give it with NBAK_VAULT_KEY, --vault-key-file or --vault-key-command.',
    });
  }
  const appKeys = (backup.detail.appKeys ?? []).map(appKeyToJson);
  if (context.options.json === true) printJson({ backup: backup.id, verified, appKeys });
  else if (appKeys.length === 0) note('The backup says nothing of app keys.');
  else for (const key of appKeys) printLine(describeAppKey(key));
  return 0;
};

/** `nbak appkey check BACKUP` */
export const runAppKeyCheck: Run<FilterOptions> = async ({ context, options, args }) => {
  const { backup, reader } = await selectContent(context, String(args[0]), options);
  const detail = opened(backup.detail);
  const how = { stagingDirectory: tmpdir(), signal: context.signal };
  const result = await checkAppKeys(reader, { backup, detail }, how);
  const lost = result.places.filter(({ opened: now, openedAtCapture }) => now < openedAtCapture);
  const { json = false, quiet = false } = context.options;
  if (json) printJson(result);
  else {
    printLine(describeTokens(result));
    for (const place of quiet ? [] : result.places) {
      printLine(`  ${printable(place.place)}: ${describeTokens(place)}`);
      for (const dead of place.dead) printLine(`    dead: ${printable(dead)}`);
    }
    for (const { place, opened: now, openedAtCapture } of lost)
      note(
        `${coloured('red', 'TOKEN_DEAD')} ${printable(place)}: ${openedAtCapture} opened at capture, ${now} do now`,
      );
  }
  return verdictExit(lost.map(() => ({ code: 'TOKEN_DEAD' as const })));
};

/** Options of `nbak appkey export`. */
interface ExportFlags extends FilterOptions {
  readonly out: string;
  readonly name?: string;
}

/** `nbak appkey export BACKUP --out FILE` */
export const runAppKeyExport: Run<ExportFlags> = async ({ context, options, args }) => {
  const { backup, reader } = await selectContent(context, String(args[0]), options);
  const detail = opened(backup.detail);
  if (detail.appKeys === undefined) throw noAppKeys(backup);
  const { name, text } = await readAppKeyText(reader.blobs, { backup, detail }, options.name);
  writePrivateFile(options.out, text, `the app key ${name}`);
  if (context.options.json === true) printJson({ backup: backup.id, name, file: options.out });
  else if (context.options.quiet !== true)
    note(`Wrote the app key ${printable(name)} to ${printable(options.out)}.`);
  return 0;
};

function opened(detail: ManifestDetail | undefined): ManifestDetail {
  if (detail === undefined) throw new RangeError('a detail can be read with the vault key');
  return detail;
}
