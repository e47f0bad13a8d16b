/** Writing a database to a file that Chaos Cypher takes for a backup of its own (§33.2). */

import { NbakError } from '../../errors.js';
import { parentPath, pathToText } from '../../format/path.js';
import { fileTime } from '../../restore/attributes.js';
import type { PlannedEntry } from '../../restore/result.js';
import { contentOf, entriesOf, writeExport, type ExportResult, type ExportTask } from '../export.js';

const DATABASE_PLACE = /(?:^|\/)databases\/([A-Za-z0-9_-]+)\/app\.db$/;

/** Which database, and as which of the two kinds of backup. */
export interface ChaosCypherWish {
  /** The knowledge base; needed where there are several. */
  readonly database: string | undefined;
  /** For a backup from before a migration: its first pending revision. */
  readonly revision: string | undefined;
}

/**
 * Writes the database of one knowledge base to a file that Chaos Cypher restores.
 *
 * @throws NbakError `PATH_NOT_FOUND` where the backup has no such database; `USAGE_INVALID` where it has several and
 *   none was named; what {@link writeExport} throws.
 */
export async function exportChaosCypher(task: ExportTask, wish: ChaosCypherWish): Promise<ExportResult> {
  const file = choose(await databasesOf(task), wish.database);
  const { time } = task.source.backup.manifest;
  const path = await writeExport(
    task,
    { name: fileName(time, wish.revision), mtime: fileTime(file.entry) },
    contentOf(task, file),
  );
  return { path, files: 1, bytes: file.entry.size, left: [], withheld: [] };
}

/** Databases by the name of their knowledge base; where that is taken, as beside an older copy, by their path. */
async function databasesOf(task: ExportTask): Promise<ReadonlyMap<string, PlannedEntry>> {
  const found = new Map<string, PlannedEntry>();
  for (const file of await entriesOf(task)) {
    if (file.entry.kind !== 'file' || !/(?:^|\/)app\.db$/.test(file.place)) continue;
    const name = databaseOf(task, file);
    found.set(found.has(name) ? pathToText(file.place) : name, file);
  }
  return found;
}

/** The knowledge base that a database in the backup belongs to: by its place there, or by its root's place. */
function databaseOf({ source }: ExportTask, { place, root }: PlannedEntry): string {
  const isAlone = source.detail.roots.length === 1;
  const inside = DATABASE_PLACE.exec(place) ?? (isAlone ? DATABASE_PLACE.exec(root.path) : null);
  const above = pathToText(parentPath(place) ?? place);
  return inside?.[1] ?? (above === '' ? 'default' : above);
}

function choose(found: ReadonlyMap<string, PlannedEntry>, wanted: string | undefined): PlannedEntry {
  const names = [...found.keys()];
  const details = { databases: names };
  if (wanted === undefined && names.length > 1) {
    throw new NbakError('USAGE_INVALID', `The backup has several knowledge bases: ${names.join(', ')}`, {
      details,
      hint: 'Say which with --database.',
    });
  }
  const file = found.get(wanted ?? names[0] ?? '');
  if (file !== undefined) return file;
  throw new NbakError(
    'PATH_NOT_FOUND',
    wanted === undefined ? 'The backup has no app.db' : `The backup has no knowledge base ${wanted}`,
    { details, hint: 'See what it has with `nbak ls`.' },
  );
}

function fileName(time: number, revision: string | undefined): string {
  const [date = '', clock = ''] = new Date(time)
    .toISOString()
    .slice(0, 19)
    .replaceAll(/[:-]/g, '')
    .split('T');
  if (revision === undefined) return `app_${date}_${clock}.db`;
  return `pre-${revision.replaceAll(/[^A-Za-z0-9_-]/g, '_')}-${date}T${clock}Z.db`;
}
