/** Backups of Chaos Cypher: one file, a database, named after the moment it was made (§32.2). */

import { existsSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { NbakError } from '../../errors.js';
import { pathFromText } from '../../format/path.js';
import { SIDECAR_SUFFIXES, sniffDatabase } from '../../source/sqlite/header.js';
import { assertSpace } from '../../restore/target.js';
import type { StagedState, StagingTask } from '../staging.js';
import { SourceFile, timeInName } from '../source-file.js';

const DATABASE_NAME = /^[A-Za-z0-9_-]+$/;
const BEFORE_MIGRATION = /^pre-.+-\d{8}T\d{6}Z\.db$/;

/** Stages `app_YYYYMMDD_HHMMSS.db`, or `pre-<revision>-<YYYYMMDDTHHMMSSZ>.db` from before a migration. */
export function stageChaosCypher({ path, staged, wish, signal }: StagingTask): StagedState {
  // Chaos Cypher takes an empty file for a backup (C-5).
  if (sniffDatabase(path) === undefined) {
    throw new NbakError('FORMAT_INVALID', `${path} is no SQLite database`, {
      details: { path },
      hint: 'A backup of Chaos Cypher is a file such as app_20260501_123456.db.',
    });
  }
  using file = new SourceFile(path);
  assertSpace(staged.path, file.size);
  staged.write(pathFromText('app.db'), file.blocks(signal), { mode: 0o600, mtime: file.mtime });
  const name = basename(path);
  return {
    root: 'app.db',
    time: timeInName(name, 'utc'),
    origin: originOf(path, wish.database),
    purpose: BEFORE_MIGRATION.test(name) ? 'update' : 'ordinary',
    // They belong to whoever opened the backup after it was made.
    dropped: SIDECAR_SUFFIXES.map((suffix) => name + suffix).filter((each) =>
      existsSync(`${dirname(path)}/${each}`),
    ),
  };
}

/** Where the database lies in the data directory, as far as the place of its backup tells. */
function originOf(path: string, wanted: string | undefined): string {
  const above = dirname(path);
  const parent = basename(above);
  const upper = dirname(above);
  if (wanted !== undefined && !DATABASE_NAME.test(wanted)) {
    throw new NbakError('USAGE_INVALID', `${JSON.stringify(wanted)} cannot be the name of a knowledge base`, {
      hint: 'Names have letters, digits, _ and - alone.',
    });
  }
  // <data>/backups/<name>/app_….db
  if (basename(upper) === 'backups' && DATABASE_NAME.test(parent))
    return `${dirname(upper)}/databases/${wanted ?? parent}/app.db`;
  // <data>/databases/<name>/backups/pre-….db
  if (parent === 'backups' && basename(dirname(upper)) === 'databases')
    return `${dirname(upper)}/${wanted ?? basename(upper)}/app.db`;
  return wanted === undefined ? `${above}/app.db` : `${above}/databases/${wanted}/app.db`;
}
