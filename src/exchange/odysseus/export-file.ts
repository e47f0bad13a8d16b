/** The JSON that Odysseus exports and imports again, versions 1 and 2 (§32.3). */

import { basename, dirname } from 'node:path';
import { NbakError } from '../../errors.js';
import { pathFromText } from '../../format/path.js';
import { limitExceeded } from '../../format/shape.js';
import type { StagedState, StagingTask } from '../staging.js';
import { joinBlocks, SourceFile, timeInName } from '../source-file.js';

/** An export whose sections are what they have to be. */
export type OdysseusExport = Readonly<Record<string, unknown>> & { readonly version: 1 | 2 };

const LISTS = ['memories', 'skills', 'research', 'notes'] as const;
const OBJECTS = ['presets', 'settings', 'features', 'preferences', 'calendar', 'tasks'] as const;
const MOST_BYTES = 268_435_456;

/** What the file is called in a backup: always the same, so that exports of one instance are states of one source. */
export const EXPORT_NAME = 'odysseus_backup.json';

/** Stages `odysseus_backup_YYYYMMDD_HHMMSS.json`, byte for byte. */
export function stageOdysseusExport({ path, staged, signal }: StagingTask): StagedState {
  using file = new SourceFile(path);
  if (file.size > MOST_BYTES) throw limitExceeded(basename(path), 'its size', file.size, MOST_BYTES);
  const bytes = joinBlocks(file.blocks(signal));
  const { exported_at: exported } = parseOdysseusExport(bytes, basename(path));
  staged.write(pathFromText(EXPORT_NAME), [bytes], { mode: 0o600, mtime: file.mtime });
  // Without a zone, Odysseus means its own local time.
  const said = typeof exported === 'string' ? Date.parse(exported) : Number.NaN;
  return {
    root: EXPORT_NAME,
    time: Number.isNaN(said) ? timeInName(basename(path), 'local') : said,
    origin: `${dirname(path)}/${EXPORT_NAME}`,
    purpose: 'ordinary',
    dropped: [],
  };
}

/**
 * Reads an export and checks that its sections are what Odysseus takes.
 *
 * @throws NbakError `FORMAT_INVALID`, `FORMAT_NEWER` for a version above 2.
 */
export function parseOdysseusExport(bytes: Uint8Array, name: string): OdysseusExport {
  let fields: unknown;
  try {
    fields = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw invalid(name, 'it is no JSON');
  }
  if (!isObject(fields)) throw invalid(name, 'it is no object');
  // The application takes a missing version for 1.
  const { version = 1 } = fields;
  if (typeof version === 'number' && Number.isInteger(version) && version > 2) {
    throw new NbakError('FORMAT_NEWER', `${name} is an export of version ${version}; 1 and 2 are known`, {
      details: { file: name, version },
    });
  }
  if (version !== 1 && version !== 2) throw invalid(name, 'its version is neither 1 nor 2');
  for (const list of LISTS)
    if (fields[list] !== undefined && !Array.isArray(fields[list])) throw invalid(name, `${list} is no list`);
  for (const object of OBJECTS)
    if (fields[object] !== undefined && !isObject(fields[object]))
      throw invalid(name, `${object} is no object`);
  if (![...LISTS, ...OBJECTS].some((section) => fields[section] !== undefined))
    throw invalid(name, 'it has none of the sections of an export');
  return { ...fields, version };
}

/** An object of JSON that is no list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(name: string, why: string): NbakError {
  return new NbakError('FORMAT_INVALID', `${name} is no export of Odysseus: ${why}`, {
    details: { file: name, clause: '§32.3' },
  });
}
