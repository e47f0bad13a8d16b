/** Finding and reading manifests, and what of them can be shown. Implements §11 and §12 for readers. */

import { isNbakError, NbakError } from '../errors.js';
import { BLOB_KINDS } from '../format/blob.js';
import { SIGNED_TYPES } from '../format/cose.js';
import { decodeTombstone, type Tombstone, type TombstoneRow } from '../format/history.js';
import type { BackupId } from '../format/ids.js';
import { LIMITS } from '../format/limits.js';
import {
  decodeDetail,
  decodeManifest,
  isSealedDetail,
  type Manifest,
  type ManifestDetail,
} from '../format/manifest.js';
import type { BlobRow } from '../format/page.js';
import { parseObjectName, type ObjectInfo, type ObjectName } from '../storage/storage.js';
import type { BlobReader } from './blob-reader.js';
import { manifestName, parseName } from './object-names.js';
import type { Repository } from './open.js';
import { readHashed } from './read-object.js';

/** A manifest whose hash and signature were checked. */
export interface Backup {
  readonly id: BackupId;
  readonly manifest: Manifest;
}

/** A backup's place among the others, in time and in history. */
export interface PlacedBackup {
  readonly id: BackupId;
  readonly manifest: Pick<Manifest, 'time' | 'sequence' | 'parents'>;
}

/** A manifest object that could not be read. */
export interface UnreadableBackup {
  readonly id: BackupId;
  readonly error: NbakError;
}

/** A manifest in storage, as a listing gives it. */
export interface ListedManifest extends Pick<ObjectInfo, 'size' | 'modifiedMs'> {
  readonly id: BackupId;
}

/** All manifests in storage, ascending by id. */
export async function listManifests(repository: Repository): Promise<readonly ListedManifest[]> {
  const listed: ListedManifest[] = [];
  for await (const { name, size, modifiedMs } of repository.storage.list('manifests/')) {
    const { kind, hash } = parseName(name);
    if (kind === 'manifest') listed.push({ id: hash as BackupId, size, modifiedMs });
  }
  return listed.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** The ids of all manifests in storage, ascending. */
export async function listBackupIds(repository: Repository): Promise<readonly BackupId[]> {
  return (await listManifests(repository)).map(({ id }) => id);
}

/**
 * Reads one manifest.
 *
 * @throws NbakError `OBJECT_MISSING`, `OBJECT_CORRUPT`, `SIGNER_UNKNOWN`, `SIGNATURE_INVALID`, `FORMAT_INVALID` …
 */
export async function readBackup(repository: Repository, id: BackupId): Promise<Backup> {
  const name = manifestName(id);
  const bytes = await readHashed(repository, name, LIMITS.manifestBytes);
  const { payload, signer } = repository.keyRing.verify(bytes, {
    type: SIGNED_TYPES.manifest,
    role: 'backup',
    what: name,
  });
  const manifest = decodeManifest(payload);
  const agrees =
    manifest.repository === repository.id &&
    manifest.epoch === signer.epoch &&
    isSealedDetail(manifest.detail) === (repository.names === 'sealed');
  if (!agrees) {
    throw new NbakError(
      'REFERENCE_TAMPERED',
      `${name} states another repository, epoch or names mode than it belongs to`,
      {
        details: { object: name },
      },
    );
  }
  return { id, manifest };
}

/** Reads all manifests, newest first; those that do not verify are returned apart. */
export async function readBackups(
  repository: Repository,
): Promise<{ readonly backups: readonly Backup[]; readonly unreadable: readonly UnreadableBackup[] }> {
  const backups: Backup[] = [];
  const unreadable: UnreadableBackup[] = [];
  for (const id of await listBackupIds(repository)) {
    try {
      backups.push(await readBackup(repository, id));
    } catch (error) {
      if (!isNbakError(error)) throw error;
      unreadable.push({ id, error });
    }
  }
  return { backups: backups.sort(newestFirst), unreadable };
}

/** The order in which backups are shown. */
export function newestFirst(a: PlacedBackup, b: PlacedBackup): number {
  return b.manifest.time - a.manifest.time || (a.id < b.id ? -1 : 1);
}

/**
 * The detail of a manifest; with sealed names it needs a blob reader.
 *
 * @returns undefined when names are sealed and there is none.
 */
export async function readDetail<Detail extends object>(
  { detail }: { readonly detail: Detail | BlobRow },
  blobs?: BlobReader,
): Promise<Detail | ManifestDetail | undefined> {
  if (!isSealedDetail(detail)) return detail;
  if (blobs === undefined) return undefined;
  const { plaintext, kind } = await blobs.read(detail.id);
  if (kind !== BLOB_KINDS.sealedDetail) {
    throw new NbakError('REFERENCE_TAMPERED', `Blob ${detail.id} is not a manifest's detail`, {
      details: { blob: detail.id },
    });
  }
  return decodeDetail(plaintext);
}

/**
 * Reads one tombstone object.
 *
 * @throws NbakError `OBJECT_CORRUPT`, `SIGNER_UNKNOWN`, `SIGNATURE_INVALID`, `FORMAT_INVALID`, `REFERENCE_TAMPERED` …
 */
export async function readTombstone(repository: Repository, name: ObjectName): Promise<Tombstone> {
  const bytes = await readHashed(repository, name, LIMITS.manifestBytes);
  const { payload } = repository.keyRing.verify(bytes, {
    type: SIGNED_TYPES.tombstone,
    role: 'admin',
    what: name,
  });
  const tombstone = decodeTombstone(payload);
  if (tombstone.repository === repository.id) return tombstone;
  throw new NbakError('REFERENCE_TAMPERED', `${name} states another repository than the one it lies in`, {
    details: { object: name },
  });
}

/** All tombstone rows; objects that do not verify go to `onProblem`. */
export async function readTombstones(
  repository: Repository,
  onProblem: (name: ObjectName, error: NbakError) => void,
): Promise<readonly TombstoneRow[]> {
  const rows: TombstoneRow[] = [];
  for await (const { name } of repository.storage.list('history/')) {
    if (parseName(name).kind !== 'history') continue;
    try {
      rows.push(...(await readTombstone(repository, parseObjectName(name))).rows);
    } catch (error) {
      if (!isNbakError(error)) throw error;
      onProblem(name, error);
    }
  }
  return rows;
}

/** What history knows of a backup that is there or was forgotten (§12). */
export interface HistoryNode {
  readonly id: BackupId;
  readonly sequence: number;
}

/**
 * The heads of a history, ascending by id: backups, forgotten ones too, that nothing else names as a parent (§12.1).
 * Without the forgotten ones, forgetting a head would start the sequences again.
 */
export function headsOf(
  backups: readonly PlacedBackup[],
  tombstones: readonly TombstoneRow[],
): readonly HistoryNode[] {
  const nodes = new Map<BackupId, HistoryNode>();
  const parents = new Set<BackupId>();
  for (const { digest: id, sequence, parents: named } of tombstones) {
    nodes.set(id, { id, sequence });
    for (const parent of named) parents.add(parent);
  }
  for (const { id, manifest } of backups) {
    nodes.set(id, { id, sequence: manifest.sequence });
    for (const parent of manifest.parents) parents.add(parent);
  }
  return [...nodes.values()].filter(({ id }) => !parents.has(id)).sort((a, b) => (a.id < b.id ? -1 : 1));
}
