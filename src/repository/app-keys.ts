/** The app keys that a backup carries, opened. Implements §11.4 for readers. */

import { NbakError } from '../errors.js';
import type { AppKeyRow, ListedPlace, TokenCount } from '../format/app-keys.js';
import { BLOB_KINDS } from '../format/blob.js';
import type { Manifest, ManifestDetail } from '../format/manifest.js';
import { joinPath, pathToText, type BytePath } from '../format/path.js';
import type { AppKeyDeclaration, TokenPlace } from '../source/profiles/app-keys.js';
import { patternOfPath } from '../source/profiles/patterns.js';
import type { BackedUpEntry } from './entries.js';
import type { BlobReader } from './blob-reader.js';
import type { Backup } from './manifests.js';

/** An app key of a backup. */
export interface CarriedAppKey {
  readonly row: AppKeyRow;
  /** What its file or variable held; undefined where none was found. */
  readonly text: string | undefined;
}

/**
 * Opens the app keys of a backup.
 *
 * @throws NbakError `REFERENCE_TAMPERED`, or what reading blobs throws.
 */
export async function readAppKeys(
  { manifest }: Backup,
  detail: Pick<ManifestDetail, 'appKeys'>,
  blobs: BlobReader,
): Promise<readonly CarriedAppKey[]> {
  const contradicted = appKeyContradiction(manifest, detail);
  if (contradicted !== undefined) throw contradicted;
  const keys: CarriedAppKey[] = [];
  for (const row of detail.appKeys ?? []) {
    const blob = row.blob === undefined ? undefined : manifest.appKeys?.[row.blob];
    keys.push({ row, text: blob && (await readText(blobs, blob.id)) });
  }
  return keys;
}

/** The error for a detail whose app keys are not among the blobs that its manifest names; undefined where they are. */
export function appKeyContradiction(
  { appKeys: blobs = [] }: Pick<Manifest, 'appKeys'>,
  { appKeys: rows = [] }: Pick<ManifestDetail, 'appKeys'>,
): NbakError | undefined {
  const astray = rows.find(({ blob }) => blob !== undefined && blob >= blobs.length);
  return astray && contradiction(`the app key ${astray.name} is a blob that the manifest does not name`);
}

async function readText(blobs: BlobReader, id: Parameters<BlobReader['read']>[0]): Promise<string> {
  const { plaintext, kind } = await blobs.read(id);
  if (kind !== BLOB_KINDS.appKey) throw contradiction(`blob ${id} is not an app key`);
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(plaintext);
}

function contradiction(why: string): NbakError {
  return new NbakError('REFERENCE_TAMPERED', `The backup contradicts itself: ${why}`, {
    details: { clause: '§11.4' },
  });
}

/** A place of tokens, and the key that should open them. */
export interface KeyedPlace {
  readonly place: TokenCount;
  readonly key: string | undefined;
}

/** The places of a backup by the file that they are in, root name / path. */
export function placesByFile(keys: readonly CarriedAppKey[]): ReadonlyMap<BytePath, readonly KeyedPlace[]> {
  const found = new Map<BytePath, KeyedPlace[]>();
  for (const { row, text } of keys) {
    for (const place of row.places) {
      const places = found.get(place.path) ?? [];
      found.set(place.path, places);
      places.push({ place, key: text });
    }
  }
  return found;
}

/** By what {@link placesByFile} knows an entry. */
export function listedPathOf({ root, entry }: Pick<BackedUpEntry, 'root' | 'entry'>): BytePath {
  return entry.path === '' ? root.name : joinPath(root.name, entry.path);
}

/**
 * What a profile would declare to find these app keys again: for a backup of what a restore is about to replace, which
 * knows no profile.
 */
export function declarationsOf({ appKeys = [], roots }: ManifestDetail): readonly AppKeyDeclaration[] {
  const below = (path: BytePath): string => {
    const root = roots.find(({ name }) => path.startsWith(`${name}/`));
    return pathToText(root === undefined ? path : (path.slice(root.name.length + 1) as BytePath));
  };
  return appKeys.map(({ name, origin, places }) => ({
    name,
    from:
      origin === undefined
        ? []
        : [origin.kind === 'file' ? { file: below(origin.at) } : { environment: pathToText(origin.at) }],
    tokens: places.map(({ path, in: kind, table, column, field, prefix }): TokenPlace => {
      const file = patternOfPath(below(path)).slice(1);
      if (kind !== 'database') return { in: 'file', path: file, format: kind, field, prefix };
      return { in: 'database', path: file, table, column, field, prefix };
    }),
  }));
}

/** A place as people read it: `app.db: accounts.password`, `settings.json: mail.password`. */
export function placeText(place: ListedPlace, { roots }: Pick<ManifestDetail, 'roots'>): string {
  const [root] = roots;
  const isBelow = roots.length === 1 && root !== undefined && place.path.startsWith(`${root.name}/`);
  const path = isBelow ? (place.path.slice(root.name.length + 1) as BytePath) : place.path;
  const where = place.in === 'database' ? [`${place.table}.${place.column}`] : [];
  return `${pathToText(path)}: ${[...where, ...(place.field === '' ? [] : [place.field])].join(', ')}`;
}
