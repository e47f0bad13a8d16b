/** manifest.json of a backup of NBAK version 1: plain JSON that nothing authenticates (§31.3). */

import { NbakError } from '../../errors.js';
import { utf8 } from '../bytes.js';
import { assertSafePath, parentPath, pathFromText, pathToText, type BytePath } from '../path.js';
import { limitExceeded } from '../shape.js';

/** Whose keys and field names a backup has: the product was renamed on 2026-03-26. */
export type V1Era = 'nodyn' | 'lynox';

const ENTRY_TYPES = ['sqlite', 'file', 'directory', 'kuzu_dir'] as const;

/** What stands in the list of files. */
export interface V1Entry {
  readonly path: BytePath;
  readonly type: (typeof ENTRY_TYPES)[number];
  /** Bytes as stored: 33 more than the plaintext where the backup is encrypted. */
  readonly size: number;
  /** SHA-256 of the bytes as stored, in hex; empty for directories. */
  readonly checksum: string;
}

/** A manifest. */
export interface V1Manifest {
  readonly era: V1Era;
  /** Version of the application, or `unknown`. */
  readonly appVersion: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** Absolute path of what was backed up, as text of another machine. */
  readonly directory: string;
  readonly encrypted: boolean;
  readonly entries: readonly V1Entry[];
  /** SHA-256 of {@link v1ChecksumInput}, in hex. */
  readonly checksum: string;
}

/** What the manifest is called. */
export const V1_MANIFEST = 'manifest.json' as BytePath;

/** What a reader takes at most (§31.4). */
export const V1_LIMITS = { manifestBytes: 67_108_864, entries: 1_000_000 } as const;

const STRUCTURE = 'manifest.json';
const DIRECTORY_FIELDS: Readonly<Record<V1Era, string>> = { nodyn: 'nodyn_dir', lynox: 'lynox_dir' };

/** Says whether an entry is a directory: it has neither size nor checksum. */
export function isV1Directory({ type }: Pick<V1Entry, 'type'>): boolean {
  return type === 'directory' || type === 'kuzu_dir';
}

/**
 * Reads a manifest. Fields it does not know are passed over; entry types are not.
 *
 * @throws NbakError `FORMAT_INVALID`, `FORMAT_NEWER` for an unknown type of entry, `LIMIT_EXCEEDED`, `PATH_UNSAFE`.
 */
export function decodeV1Manifest(bytes: Uint8Array): V1Manifest {
  if (bytes.length > V1_LIMITS.manifestBytes)
    throw limitExceeded(STRUCTURE, 'its size', bytes.length, V1_LIMITS.manifestBytes);
  const fields = asObject(parseJson(bytes), 'the whole');
  const era = fields['nodyn_dir'] === undefined ? 'lynox' : 'nodyn';
  const files = fields['files'];
  if (!Array.isArray(files)) throw invalid('files', 'an array');
  if (files.length > V1_LIMITS.entries)
    throw limitExceeded(STRUCTURE, 'the number of files', files.length, V1_LIMITS.entries);
  const { encrypted } = fields;
  if (typeof encrypted !== 'boolean') throw invalid('encrypted', 'true or false');
  const entries = files.map((each: unknown, i) => decodeEntry(asObject(each, `files[${i}]`), `files[${i}]`));
  assertTree(entries);
  return {
    era,
    appVersion: asText(fields['version'], 'version'),
    createdAt: asTime(fields['created_at']),
    directory: asText(fields[DIRECTORY_FIELDS[era]], DIRECTORY_FIELDS[era]),
    encrypted,
    entries,
    checksum: asHash(fields['checksum'], 'checksum'),
  };
}

/** The text of a manifest, as the application of its era writes it. */
export function encodeV1Manifest(manifest: V1Manifest): Uint8Array {
  const { era, appVersion, createdAt, directory, encrypted, entries, checksum } = manifest;
  const fields = {
    version: appVersion,
    created_at: new Date(createdAt).toISOString(),
    [DIRECTORY_FIELDS[era]]: directory,
    encrypted,
    files: entries.map(({ path, size, checksum: checksum_sha256, type }) => ({
      path: pathToText(path),
      size_bytes: size,
      checksum_sha256,
      type,
    })),
    checksum,
  };
  return utf8(JSON.stringify(fields, null, 2));
}

/** What the overall checksum is the SHA-256 of (§31.3). */
export function v1ChecksumInput(entries: readonly Pick<V1Entry, 'type' | 'checksum'>[]): Uint8Array {
  const checksums = entries.filter((entry) => !isV1Directory(entry)).map(({ checksum }) => checksum);
  return utf8(checksums.sort().join(':'));
}

function decodeEntry(fields: Fields, where: string): V1Entry {
  const type = ENTRY_TYPES.find((each) => each === fields['type']);
  if (type === undefined) {
    throw new NbakError('FORMAT_NEWER', `Cannot read ${STRUCTURE}: ${where} is of an unknown type`, {
      details: { structure: STRUCTURE, field: `${where}.type`, clause: '§31.3' },
    });
  }
  const path = pathFromText(asText(fields['path'], `${where}.path`));
  assertSafePath(path);
  if (path === '') throw invalid(`${where}.path`, 'a path below the directory');
  const size = fields['size_bytes'];
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw invalid(`${where}.size_bytes`, 'an unsigned integer');
  const checksum = isV1Directory({ type })
    ? ''
    : asHash(fields['checksum_sha256'], `${where}.checksum_sha256`);
  return { path, type, size, checksum };
}

/** One path is one thing, and what has something below it is no file. */
function assertTree(entries: readonly V1Entry[]): void {
  const files = new Set<BytePath>();
  const directories = new Set<BytePath>();
  for (const entry of entries) {
    const { path } = entry;
    const same = isV1Directory(entry) ? directories : files;
    if (same.has(path)) throw invalid('files', `free of duplicates, and ${quoted(path)} is there twice`);
    same.add(path);
  }
  for (const { path } of entries) {
    if (files.has(path) && directories.has(path))
      throw invalid('files', `a tree, and ${quoted(path)} is file and directory`);
    for (let above = parentPath(path); above !== undefined; above = parentPath(above))
      if (files.has(above))
        throw invalid('files', `a tree, and ${quoted(above)} is a file with files below it`);
  }
}

type Fields = Readonly<Record<string, unknown>>;

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw invalid('the whole', 'JSON in UTF-8');
  }
}

function asObject(value: unknown, where: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(where, 'an object');
  return value as Fields;
}

function asText(value: unknown, where: string): string {
  if (typeof value !== 'string') throw invalid(where, 'text');
  return value;
}

function asHash(value: unknown, where: string): string {
  const text = asText(value, where);
  if (!/^[0-9a-f]{64}$/.test(text)) throw invalid(where, '64 digits of lower-case hex');
  return text;
}

function asTime(value: unknown): number {
  const text = asText(value, 'created_at');
  const time = /^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw invalid('created_at', 'an instant such as 2026-03-25T03:00:00.000Z');
  return time;
}

function quoted(path: BytePath): string {
  return JSON.stringify(pathToText(path));
}

function invalid(field: string, expected: string): NbakError {
  return new NbakError('FORMAT_INVALID', `Cannot read ${STRUCTURE}: ${field} must be ${expected}`, {
    details: { structure: STRUCTURE, field, clause: '§31.3' },
  });
}
