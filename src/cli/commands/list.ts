/** `nbak list`: the backups of a repository. */

import { matchesFilter } from '../../repository/resolve.js';
import { pathToText } from '../../format/path.js';
import { backupToJson, describeBackups, toFilter, type FilterOptions } from '../describe.js';
import type { Run } from '../declaration.js';
import { assertFilterable } from './select-backup.js';
import { verdictExit } from '../../verify/result.js';
import { coloured, formatBytes, formatTime, note, printable, printJson, printLine } from '../terminal.js';

/** `nbak list` */
export const runList: Run<FilterOptions> = async ({ context, options }) => {
  const { repository, unlocked, verified } = await context.open();
  const sealed = unlocked !== undefined && repository.names === 'sealed';
  const blobs = sealed ? (await context.reader(unlocked)).blobs : undefined;
  const { backups, unreadable } = await describeBackups(repository, context.manifests(repository), blobs);
  assertFilterable(backups, options);
  const shown = backups.filter((backup) => matchesFilter(backup, toFilter(options)));
  const problems = unreadable.map(({ id, error }) => ({ id, code: error.code, message: error.message }));
  if (context.options.json === true) {
    printJson({ verified, backups: shown.map(backupToJson), problems });
    return verdictExit(problems);
  }
  if (shown.length > 0) printLine('id        time                      files       size  host  paths');
  for (const { id, manifest, detail } of shown) {
    const { files, bytes } = manifest.totals;
    const where =
      detail === undefined
        ? 'sealed'
        : `${detail.host}  ${detail.roots.map(({ path }) => pathToText(path)).join(' ')}`;
    const labels = [...(detail?.tags ?? []), ...(manifest.purpose === 'ordinary' ? [] : [manifest.purpose])];
    const suffix = labels.length > 0 ? `  [${labels.join(', ')}]` : '';
    printLine(
      `${id.slice(0, 8)}  ${formatTime(manifest.time)}  ${String(files).padStart(5)}  ${formatBytes(bytes).padStart(9)}  ${printable(where + suffix)}`,
    );
  }
  if (backups.length === 0 && problems.length === 0 && context.options.quiet !== true)
    note('The repository has no backups yet.');
  for (const { id, code, message } of problems)
    note(`${coloured('red', code)} ${id.slice(0, 8)}: ${printable(message)}`);
  if (!verified && context.options.quiet !== true) noteUnverified();
  return verdictExit(problems);
};

/** Says that no key was given. */
export function noteUnverified(): void {
  note(
    coloured(
      'yellow',
      'Not verified: no key was given, so this is what the repository says of itself. Use --public-key.',
    ),
  );
}
