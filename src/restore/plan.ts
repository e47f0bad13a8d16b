/** Planning a restore: everything is read, checked and counted before anything is written (§22.1). */

import type { Entry } from '../format/entry.js';
import { parentPath, type BytePath } from '../format/path.js';
import type { PlannedEntry, RestoreOptions, RestorePlan, RestoreSource } from './result.js';
import { readEntriesByPage } from '../repository/entries.js';
import { holeBytes } from '../source/holes.js';
import { Selector, type Selection } from './selection.js';
import { assertSpace } from './target.js';

/**
 * Reads the backup's list, checks every path, and that what is selected fits.
 *
 * @throws NbakError `PATH_NOT_FOUND`, `PATH_UNSAFE`, `REFERENCE_TAMPERED`, `SPACE_INSUFFICIENT`, or what reading
 *   pages throws.
 */
export async function planRestore(
  source: RestoreSource,
  options: Pick<RestoreOptions, 'target' | 'selection'>,
): Promise<RestorePlan> {
  const plan = await readPlan(source, options.selection);
  assertSpace(options.target, plan.bytes);
  return plan;
}

/**
 * Reads what is selected of a backup, every path checked.
 *
 * @throws NbakError as {@link planRestore}, without `SPACE_INSUFFICIENT`.
 */
export async function readPlan(source: RestoreSource, selection: Selection): Promise<RestorePlan> {
  const selector = new Selector(selection, source.detail);
  const entries: PlannedEntry[] = [];
  /** Directories above the current entry that nothing selected has needed yet. */
  let above: PlannedEntry[] = [];
  for await (const page of readEntriesByPage(source.pages, source.backup, source.detail)) {
    for (const each of page) {
      // Field by field: of a list of very many, spreading each takes a sixth of the time of planning.
      const { root, entry, owner, dedup, pieces } = each;
      const place = selector.shownPath(root, entry.path);
      const item: PlannedEntry = { root, entry, owner, dedup, pieces, place };
      above = above.filter(
        (directory) => directory.root === root && isAbove(directory.entry.path, entry.path),
      );
      if (selector.selects(each)) entries.push(...above.splice(0), item);
      else if (entry.kind === 'directory') above.push(item);
    }
  }
  selector.assertAllFound();
  const files = entries.filter(({ entry }) => entry.kind === 'file');
  const bytes = files.reduce((sum, { entry }) => sum + dataBytes(entry), 0);
  const directories = entries.filter(({ entry }) => entry.kind === 'directory').length;
  return { entries, files: files.length, directories, bytes };
}

/** Bytes of an entry that are written, and take room: all but its holes. */
export function dataBytes({ size, extra }: Pick<Entry, 'size' | 'extra'>): number {
  return size - holeBytes(extra.holes);
}

function isAbove(directory: BytePath, path: BytePath): boolean {
  const parent = parentPath(path);
  if (parent === undefined) return false;
  return directory === '' || directory === parent || parent.startsWith(`${directory}/`);
}
