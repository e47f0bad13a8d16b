/** Importing: a backup of another program becomes an ordinary one of this repository, with the date it had (§32). */

import { realpathSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { backup } from '../backup/backup.js';
import type { BackupOptions, BackupResult } from '../backup/result.js';
import { NbakError } from '../errors.js';
import type { Catalog } from '../repository/catalog.js';
import type { UnlockedRepository } from '../repository/open.js';
import { importedSource } from '../source/profiles/imported.js';
import type { ForeignFormat, FormatName, SourceLook } from './format.js';
import { FORMATS, FORMAT_NAMES } from './formats.js';
import { PrivateStaging } from './private-staging.js';
import { SourceFile, sourceError } from './source-file.js';
import { StagedDirectory } from './staged-directory.js';
import type { ImportWish } from './staging.js';
import type { V1Era } from '../format/v1/manifest.js';

/** What is to be imported, and how. */
export interface ImportRequest {
  readonly source: string;
  readonly format: FormatName | 'auto';
  readonly wish: ImportWish;
  /** Absolute path that the root is recorded with, instead of what the source says. */
  readonly origin: string | undefined;
  /** Milliseconds since 1970, instead of what the source says. */
  readonly time: number | undefined;
  /** As for a backup; labels get the origin. */
  readonly backup: Omit<BackupOptions, 'selection'>;
}

/** What was imported. */
export interface ImportResult extends BackupResult {
  readonly format: FormatName;
  /** The profile of the application whose state it was. */
  readonly profile: string;
  /** What the root is recorded with. */
  readonly origin: string;
  /** Names that were left out on purpose. */
  readonly dropped: readonly string[];
  /** Whose key opened an encrypted source. */
  readonly keyEra: V1Era | undefined;
}

/**
 * Imports one backup of another program.
 *
 * @remarks Its files are staged in a private directory below `stagingDirectory`, which needs room for them, and which
 *   is gone afterwards, whatever happens.
 * @throws NbakError `SOURCE_NOT_FOUND`, `USAGE_INVALID` for a source that no format recognises, what the format says
 *   of the source (§32), and what a backup throws. The repository is then what it was.
 *
 * @example
 * ```ts
 * import { importBackup, type BackupOptions, type Catalog, type UnlockedRepository } from 'nbak';
 *
 * async function takeArchive(
 *   repository: UnlockedRepository,
 *   catalog: Catalog,
 *   backup: Omit<BackupOptions, 'selection'>,
 * ): Promise<number> {
 *   const { time } = await importBackup(repository, catalog, {
 *     source: 'odysseus-backup-20260501-123456.tar.gz',
 *     format: 'auto',
 *     wish: { vaultKey: undefined, database: undefined, mostBytes: 2 ** 36, mostMembers: 1_000_000 },
 *     origin: undefined,
 *     time: undefined,
 *     backup,
 *   });
 *   return time;
 * }
 *
 * console.assert(typeof takeArchive === 'function');
 * ```
 */
export async function importBackup(
  repository: UnlockedRepository,
  catalog: Catalog,
  request: ImportRequest,
): Promise<ImportResult> {
  const { wish, backup: options } = request;
  const { signal, stagingDirectory } = options;
  const look = lookAt(request.source);
  const format = formatOf(look, request.format);
  using staging = new PrivateStaging(stagingDirectory);
  const staged = new StagedDirectory(join(staging.path, 'state'));
  const { crypto } = repository;
  const state = await format.stage({ crypto, path: look.path, staged, wish, ...(signal && { signal }) });
  const time = request.time ?? state.time ?? statSync(look.path).mtimeMs;
  const origin = originOf(request, state.origin);
  const labels = {
    ...options.labels,
    tags: [...options.labels.tags, `imported:${format.name}`],
    purpose: state.purpose,
    profile: format.profile.name,
    // Nobody vouches for the date: one to come would make it the latest backup until then.
    origin: { time: Math.floor(Math.max(0, Math.min(time, Date.now()))), path: origin },
  };
  const selection = {
    sources: [importedSource(join(staged.path, state.root), format.profile)],
    exclude: [],
    excludeCaches: false,
    oneFileSystem: false,
    skip: [],
  };
  const result = await backup(repository, catalog, { ...options, labels, selection });
  const { profile } = labels;
  return { ...result, format: format.name, profile, origin, dropped: state.dropped, keyEra: state.keyEra };
}

function lookAt(source: string): SourceLook {
  let path: string;
  try {
    path = realpathSync(source);
    const stat = statSync(path);
    if (stat.isDirectory()) return { path, isDirectory: true, start: new Uint8Array() };
    if (!stat.isFile()) throw unrecognised(source);
  } catch (error) {
    if (error instanceof NbakError) throw error;
    throw sourceError(source, error);
  }
  using file = new SourceFile(path);
  return { path, isDirectory: false, start: file.start(512) };
}

function formatOf(look: SourceLook, wanted: ImportRequest['format']): ForeignFormat {
  const format = FORMATS.find(({ name, recognises }) =>
    wanted === 'auto' ? recognises(look) : name === wanted,
  );
  if (format === undefined) throw unrecognised(look.path);
  return format;
}

function originOf({ origin }: ImportRequest, said: string): string {
  if (origin === undefined) return said;
  if (isAbsolute(origin)) return origin;
  throw new NbakError('USAGE_INVALID', `The origin has to be an absolute path, and ${origin} is not`);
}

function unrecognised(path: string): NbakError {
  return new NbakError('USAGE_INVALID', `${path} is no backup of a kind that is known`, {
    details: { path, formats: FORMAT_NAMES },
    hint: 'Say what it is with --format; of a directory of backups import each; `nbak backup` takes any directory.',
  });
}
