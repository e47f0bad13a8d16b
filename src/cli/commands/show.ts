/** `nbak show`: what one backup says of itself. */

import { pathToText } from '../../format/path.js';
import { backupToJson, type FilterOptions } from '../describe.js';
import type { Run } from '../declaration.js';
import { count, formatBytes, formatTime, printable, printJson, printLine } from '../terminal.js';
import { noteUnverified } from './list.js';
import { selectBackup } from './select-backup.js';

/** `nbak show BACKUP` */
export const runShow: Run<FilterOptions> = async ({ context, options, args }) => {
  const { backup, verified } = await selectBackup(context, String(args[0]), options);
  const { manifest, detail } = backup;
  if (context.options.json === true) {
    printJson({
      verified,
      ...backupToJson(backup),
      parents: manifest.parents,
      pages: manifest.pages.length,
      profile: detail?.profile ?? null,
      scope: detail?.scope ?? null,
      torn: detail?.torn.map(pathToText) ?? null,
      unreadable: detail?.unreadable.map(([path, code]) => ({ path: pathToText(path), code })) ?? null,
      outside: detail?.outside ?? null,
      writer: detail?.writer ?? null,
    });
    return 0;
  }
  const { totals } = manifest;
  const lines: readonly (readonly [string, string])[] = [
    ['backup', backup.id],
    ['time', formatTime(manifest.time)],
    ['host', detail?.host ?? 'sealed'],
    ...(detail?.roots ?? []).map(
      ({ name, path }) => ['root', `${pathToText(path)} (as ${pathToText(name)})`] as const,
    ),
    ['tags', listed(detail?.tags, ', ')],
    ['purpose', manifest.purpose],
    [
      'files',
      `${totals.files} (${formatBytes(totals.bytes)}), ${count(totals.directories, 'directory')}, ${totals.others} of other kinds`,
    ],
    ['cut', detail?.cut ?? 'sealed'],
    ['excluded', listed(detail?.scope.exclude, ' ')],
    ...(detail?.torn ?? []).map((path) => ['torn', pathToText(path)] as const),
    ...(detail?.unreadable ?? []).map(
      ([path, code]) => ['unreadable', `${pathToText(path)} ${code}`] as const,
    ),
    ['sequence', String(manifest.sequence)],
    ['epoch', String(manifest.epoch)],
    [
      'parents',
      listed(
        manifest.parents.map((id) => id.slice(0, 8)),
        ' ',
      ),
    ],
    ['written by', detail?.writer ?? 'sealed'],
    ['verified', verified ? 'yes: signed by the key that was given' : 'no: no key was given'],
  ];
  for (const [label, value] of lines) printLine(`${label.padEnd(15)} ${printable(value)}`);
  if (!verified && context.options.quiet !== true) noteUnverified();
  return 0;
};

/** A list on one line; a list that is not there is sealed. */
function listed(items: readonly string[] | undefined, separator: string): string {
  if (items === undefined) return 'sealed';
  return items.length === 0 ? 'none' : items.join(separator);
}
