/** The payload of a manifest and its detail. Implements §11.2 and §11.3. */

import { appKeysFromCbor, appKeysToCbor, MOST_APP_KEYS, type AppKeyRow } from './app-keys.js';
import { compareBytes, utf8 } from './bytes.js';
import { decodeCbor, encodeCbor, type CborValue } from './cbor.js';
import { idFromBytes, idToBytes, type BackupId, type PageId, type RepositoryId } from './ids.js';
import { decodeParents } from './history.js';
import { LIMITS } from './limits.js';
import { decodeBlobRow, encodeBlobRow, type BlobRow } from './page.js';
import { assertSafeComponent, pathFromBytes, pathToBytes, type BytePath } from './path.js';
import {
  asArray,
  asBoolean,
  asBytes,
  asCount,
  asInt,
  asRecord,
  asText,
  asUint,
  assertAscending,
  invalidField,
  limitExceeded,
} from './shape.js';

/** Whether names and times stand in the open or are sealed (§10.7). */
export type NamesMode = 'plain' | 'sealed';
/** Why a backup was made (§11.2). */
export const PURPOSES = ['ordinary', 'safety', 'update'] as const;
/** Why a backup was made. */
export type Purpose = (typeof PURPOSES)[number];
/** How the databases were seen (§11.3). */
export const CUTS = ['none', 'proven', 'locked', 'no-databases'] as const;
/** How the databases were seen. */
export type Cut = (typeof CUTS)[number];

/** Amounts that a manifest states. */
export interface Totals {
  readonly files: number;
  readonly directories: number;
  readonly others: number;
  readonly bytes: number;
}

/** One backed-up directory: name in the backup, path on its host, number of entries. */
export interface ManifestRoot {
  readonly name: BytePath;
  readonly path: BytePath;
  readonly entries: number;
}

/** The rules in force. */
export interface Scope {
  readonly exclude: readonly string[];
  readonly excludeCaches: boolean;
  readonly oneFileSystem: boolean;
}

/** What sealed names hide (§11.3). */
export interface ManifestDetail {
  readonly host: string;
  readonly roots: readonly ManifestRoot[];
  readonly tags: readonly string[];
  readonly profile: string;
  readonly scope: Scope;
  readonly cut: Cut;
  readonly torn: readonly BytePath[];
  readonly unreadable: readonly (readonly [path: BytePath, code: string])[];
  readonly outside: readonly string[];
  readonly writer: string;
  /** What the profile declares of app keys, and what was found (§11.4); absent where it declares none. */
  readonly appKeys?: readonly AppKeyRow[];
}

/** A manifest's payload. */
export interface Manifest {
  /** Random, 16 bytes: makes the manifest unique. */
  readonly id: Uint8Array;
  readonly repository: RepositoryId;
  readonly epoch: number;
  /** Milliseconds since 1970: the moment whose state this is. */
  readonly time: number;
  readonly signedAt: number;
  readonly parents: readonly BackupId[];
  readonly sequence: number;
  readonly purpose: Purpose;
  readonly dedup: number;
  readonly totals: Totals;
  readonly pages: readonly PageId[];
  /** The blobs of this backup's app keys, ascending by id; absent where there are none. */
  readonly appKeys?: readonly BlobRow[];
  /** The detail itself, or with sealed names the blob that seals it. */
  readonly detail: ManifestDetail | BlobRow;
}

/** Says whether a manifest's detail is sealed. */
export function isSealedDetail(detail: object): detail is BlobRow {
  return 'id' in detail;
}

/** Encodes a manifest's payload. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const { totals, detail } = manifest;
  const sealed = isSealedDetail(detail);
  return encodeCbor(
    new Map<string, CborValue>([
      ['id', manifest.id],
      ['repository', idToBytes(manifest.repository)],
      ['epoch', manifest.epoch],
      ['time', manifest.time],
      ['signedAt', manifest.signedAt],
      ['parents', manifest.parents.map(idToBytes)],
      ['sequence', manifest.sequence],
      ['names', sealed ? 1 : 0],
      ['purpose', PURPOSES.indexOf(manifest.purpose)],
      ['dedup', manifest.dedup],
      ['totals', [totals.files, totals.directories, totals.others, totals.bytes]],
      ['pages', manifest.pages.map(idToBytes)],
      ...(manifest.appKeys === undefined ? [] : [['appKeys', manifest.appKeys.map(encodeBlobRow)] as const]),
      ['detail', sealed ? encodeBlobRow(detail) : detailToCbor(detail)],
    ]),
  );
}

/** Encodes a detail alone, as it is sealed in a blob of kind 5. */
export function encodeDetail(detail: ManifestDetail): Uint8Array {
  return encodeCbor(detailToCbor(detail));
}

function detailToCbor(detail: ManifestDetail): CborValue {
  return new Map<string, CborValue>([
    ['host', detail.host],
    ['roots', detail.roots.map(({ name, path, entries }) => [pathToBytes(name), pathToBytes(path), entries])],
    ['tags', [...detail.tags]],
    ['profile', detail.profile],
    [
      'scope',
      new Map<string, CborValue>([
        ['exclude', [...detail.scope.exclude]],
        ['excludeCaches', detail.scope.excludeCaches],
        ['oneFileSystem', detail.scope.oneFileSystem],
      ]),
    ],
    ['cut', CUTS.indexOf(detail.cut)],
    ['torn', detail.torn.map(pathToBytes)],
    ['unreadable', detail.unreadable.map(([path, code]) => [pathToBytes(path), code])],
    ['outside', [...detail.outside]],
    ['writer', detail.writer],
    ...(detail.appKeys === undefined ? [] : [['appKeys', appKeysToCbor(detail.appKeys)] as const]),
  ]);
}

/**
 * Decodes a manifest's payload, whose signature has been verified.
 *
 * @throws NbakError `FORMAT_INVALID`, `LIMIT_EXCEEDED` or `PATH_UNSAFE`.
 */
export function decodeManifest(payload: Uint8Array): Manifest {
  const structure = 'a manifest';
  const f = asRecord(
    decodeCbor(payload, structure),
    structure,
    [
      'id',
      'repository',
      'epoch',
      'time',
      'signedAt',
      'parents',
      'sequence',
      'names',
      'purpose',
      'dedup',
      'totals',
      'pages',
      'detail',
    ],
    ['appKeys'],
  );
  const [files, directories, others, bytes] = asArray(f.totals, structure, 'totals', 4).map((total) =>
    asUint(total, structure, 'totals'),
  );
  const names = asUint(f.names, structure, 'names', 1);
  return {
    id: asBytes(f.id, structure, 'id', 16),
    repository: idFromBytes(asBytes(f.repository, structure, 'repository', 16)),
    epoch: asCount(f.epoch, structure, 'epoch', 0xffff_ffff),
    time: asInt(f.time, structure, 'time'),
    signedAt: asInt(f.signedAt, structure, 'signedAt'),
    parents: decodeParents(f.parents, structure),
    sequence: asCount(f.sequence, structure, 'sequence'),
    purpose: PURPOSES[asUint(f.purpose, structure, 'purpose', PURPOSES.length - 1)] ?? 'ordinary',
    dedup: asCount(f.dedup, structure, 'dedup'),
    totals: { files: files ?? 0, directories: directories ?? 0, others: others ?? 0, bytes: bytes ?? 0 },
    pages: asArray(f.pages, structure, 'pages').map((page) =>
      idFromBytes<PageId>(asBytes(page, structure, 'page', 32)),
    ),
    ...(f.appKeys && { appKeys: decodeAppKeyBlobs(f.appKeys) }),
    detail:
      names === 1 ? decodeBlobRow(asBytes(f.detail, structure, 'detail', 36)) : detailFromCbor(f.detail),
  };
}

/**
 * Decodes a detail that was sealed.
 *
 * @throws NbakError `FORMAT_INVALID`, `LIMIT_EXCEEDED` or `PATH_UNSAFE`.
 */
export function decodeDetail(plaintext: Uint8Array): ManifestDetail {
  return detailFromCbor(decodeCbor(plaintext, "a manifest's detail"));
}

function detailFromCbor(value: CborValue): ManifestDetail {
  const structure = "a manifest's detail";
  const f = asRecord(
    value,
    structure,
    ['host', 'roots', 'tags', 'profile', 'scope', 'cut', 'torn', 'unreadable', 'outside', 'writer'],
    ['appKeys'],
  );
  const scope = asRecord(f.scope, structure, ['exclude', 'excludeCaches', 'oneFileSystem']);
  const tags = texts(f.tags, 'tags');
  assertAscending(tags, (a, b) => compareBytes(utf8(a), utf8(b)), structure, 'tags');
  return {
    host: asText(f.host, structure, 'host'),
    roots: decodeRoots(f.roots),
    tags,
    profile: asText(f.profile, structure, 'profile'),
    scope: {
      exclude: texts(scope.exclude, 'exclude'),
      excludeCaches: asBoolean(scope.excludeCaches, structure, 'excludeCaches'),
      oneFileSystem: asBoolean(scope.oneFileSystem, structure, 'oneFileSystem'),
    },
    cut: CUTS[asUint(f.cut, structure, 'cut', CUTS.length - 1)] ?? 'none',
    torn: listed(f.torn, 'torn').map((path) => pathFromBytes(asBytes(path, structure, 'torn'))),
    unreadable: listed(f.unreadable, 'unreadable').map((row): readonly [BytePath, string] => {
      const [path, code] = asArray(row, structure, 'unreadable', 2);
      return [pathFromBytes(asBytes(path, structure, 'unreadable')), asText(code, structure, 'unreadable')];
    }),
    outside: texts(f.outside, 'outside'),
    writer: asText(f.writer, structure, 'writer'),
    ...(f.appKeys && { appKeys: appKeysFromCbor(f.appKeys) }),
  };

  function texts(list: CborValue, field: string): readonly string[] {
    return asArray(list, structure, field).map((item) => asText(item, structure, field));
  }

  function listed(list: CborValue, field: string): readonly CborValue[] {
    const items = asArray(list, structure, field);
    if (items.length > LIMITS.listedPaths)
      throw limitExceeded(structure, 'listedPaths', items.length, LIMITS.listedPaths);
    return items;
  }
}

function decodeAppKeyBlobs(value: CborValue): readonly BlobRow[] {
  const structure = 'a manifest';
  const items = asArray(value, structure, 'appKeys').map((item) => asBytes(item, structure, 'appKeys', 36));
  if (items.length === 0) throw invalidField(structure, 'appKeys', 'at least one, or absent');
  if (items.length > MOST_APP_KEYS) throw limitExceeded(structure, 'appKeys', items.length, MOST_APP_KEYS);
  const byId = (a: Uint8Array, b: Uint8Array): number => compareBytes(a.subarray(0, 32), b.subarray(0, 32));
  assertAscending(items, byId, structure, 'appKeys');
  return items.map((item) => decodeBlobRow(item));
}

function decodeRoots(value: CborValue): readonly ManifestRoot[] {
  const structure = "a manifest's detail";
  const roots = asArray(value, structure, 'roots').map((item): ManifestRoot => {
    const [name, path, entries] = asArray(item, structure, 'a root', 3);
    const root = {
      name: pathFromBytes(asBytes(name, structure, 'root name')),
      path: pathFromBytes(asBytes(path, structure, 'root path')),
      entries: asCount(entries, structure, 'entries'),
    };
    assertSafeComponent(root.name);
    return root;
  });
  if (roots.length === 0) throw invalidField(structure, 'roots', 'at least one');
  if (new Set(roots.map((root) => root.name)).size !== roots.length) {
    throw invalidField(structure, 'root names', 'unique');
  }
  return roots;
}
