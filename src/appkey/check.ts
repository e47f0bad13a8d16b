/** Tries the app keys of a backup on every token that the backup lists (§11.4). */

import { NbakError } from '../errors.js';
import type { ManifestDetail } from '../format/manifest.js';
import type { BytePath } from '../format/path.js';
import {
  listedPathOf,
  placesByFile,
  placeText,
  readAppKeys,
  type KeyedPlace,
} from '../repository/app-keys.js';
import type { ContentReader } from '../repository/content-reader.js';
import { readEntries, type BackedUpEntry } from '../repository/entries.js';
import { readData } from '../repository/file-data.js';
import type { Backup } from '../repository/manifests.js';
import { inspectDatabaseData } from '../source/sqlite/integrity.js';
import { countInDatabase, type TokenQuery } from '../source/tokens/database-tokens.js';
import { countInFile, MOST_TOKEN_FILE_BYTES } from '../source/tokens/file-tokens.js';
import type { NamedTally, TokenTally } from '../source/tokens/token-counter.js';

/** The tokens of one place. */
export interface CheckedPlace extends NamedTally {
  /** Such as `app.db: accounts.password`. */
  readonly place: string;
  /** How many opened when it was backed up. */
  readonly openedAtCapture: number;
}

/** What a check found. */
export interface AppKeyCheck extends TokenTally {
  readonly places: readonly CheckedPlace[];
}

/** How to check. */
export interface AppKeyCheckOptions {
  /** Where databases are opened, without a name; a directory that exists. */
  readonly stagingDirectory: string;
  readonly signal?: AbortSignal;
}

/**
 * Opens every listed token of a backup with the key that the backup carries. Dead tokens are counted and named, and no
 * error.
 *
 * @throws NbakError `APP_KEY_NOT_FOUND` where the backup says nothing of app keys; `INTERRUPTED`, or what reading
 *   content throws.
 */
export async function checkAppKeys(
  reader: ContentReader,
  { backup, detail }: { readonly backup: Backup; readonly detail: ManifestDetail },
  options: AppKeyCheckOptions,
): Promise<AppKeyCheck> {
  if (detail.appKeys === undefined) throw noAppKeys(backup);
  const wanted = placesByFile(await readAppKeys(backup, detail, reader.blobs));
  const places: CheckedPlace[] = [];
  if (wanted.size > 0) {
    for await (const file of readEntries(reader.pages, backup, detail)) {
      if (options.signal?.aborted === true) throw new NbakError('INTERRUPTED', 'Interrupted');
      places.push(...(await checkFile(reader, file, { wanted, detail, options })));
    }
  }
  return {
    opened: places.reduce((sum, { opened }) => sum + opened, 0),
    failed: places.reduce((sum, { failed }) => sum + failed, 0),
    places,
  };
}

/** The error for a backup that carries no app keys. */
export function noAppKeys({ id }: Backup): NbakError {
  return new NbakError('APP_KEY_NOT_FOUND', `Backup ${id.slice(0, 8)} says nothing of app keys`, {
    details: { backup: id },
    hint: 'Only backups made under a profile that declares app keys have them: see `nbak show`.',
  });
}

async function checkFile(
  reader: ContentReader,
  file: BackedUpEntry,
  of: {
    readonly wanted: ReadonlyMap<BytePath, readonly KeyedPlace[]>;
    readonly detail: ManifestDetail;
    readonly options: AppKeyCheckOptions;
  },
): Promise<readonly CheckedPlace[]> {
  const places = of.wanted.get(listedPathOf(file)) ?? [];
  if (places.length === 0 || file.entry.kind !== 'file') return [];
  const queries = places.map(({ place, key }): TokenQuery => ({ spot: place, key }));
  const tallies =
    file.entry.extra.database === undefined
      ? await countInFile(await readWhole(reader, file), queries)
      : await inspectDatabaseData(
          readData(file, reader.blobs, reader.keys),
          of.options.stagingDirectory,
          (database) => countInDatabase(database, queries),
        );
  return places.map(({ place }, i) => ({
    place: placeText(place, of.detail),
    opened: tallies[i]?.opened ?? 0,
    failed: tallies[i]?.failed ?? 0,
    openedAtCapture: place.opened,
    dead: tallies[i]?.dead ?? [],
  }));
}

async function readWhole(reader: ContentReader, file: BackedUpEntry): Promise<Uint8Array> {
  if (file.entry.size > MOST_TOKEN_FILE_BYTES) return new Uint8Array(0);
  const bytes = new Uint8Array(file.entry.size);
  for await (const run of readData(file, reader.blobs, reader.keys)) bytes.set(run.bytes, run.offset);
  return bytes;
}
