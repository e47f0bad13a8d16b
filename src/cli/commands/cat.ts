/** `nbak cat`: one file of a backup to stdout. */

import { NbakError } from '../../errors.js';
import { pathToText } from '../../format/path.js';
import { readContiguously } from '../../repository/contiguous.js';
import { readEntries } from '../../repository/entries.js';
import { Selector } from '../../restore/selection.js';
import type { FilterOptions } from '../describe.js';
import type { Run } from '../declaration.js';
import { selectContent } from './select-backup.js';

/** `nbak cat BACKUP PATH` */
export const runCat: Run<FilterOptions> = async ({ context, options, args }) => {
  const { backup, reader } = await selectContent(context, String(args[0]), options);
  const wanted = String(args[1]);
  const { detail } = backup;
  if (detail === undefined) throw new RangeError('a detail can be read with the vault key');
  const selector = new Selector({ paths: [wanted], include: [], exclude: [] }, detail);
  for await (const item of readEntries(reader.pages, backup, detail)) {
    if (!selector.selects(item)) continue;
    if (item.entry.kind !== 'file') {
      throw new NbakError(
        'PATH_NOT_FOUND',
        `${pathToText(item.entry.path)} is a ${item.entry.kind}, not a file`,
        {
          details: { path: wanted, kind: item.entry.kind },
          hint: 'See what is in it with `nbak ls`.',
        },
      );
    }
    for await (const bytes of readContiguously(item, reader.blobs, reader.keys))
      if (!(await write(bytes))) break;
    return 0;
  }
  selector.assertAllFound();
  return 0;
};

/** @returns false when nobody reads any more. */
function write(bytes: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => process.stdout.write(bytes, (error) => resolve(!error)));
}
