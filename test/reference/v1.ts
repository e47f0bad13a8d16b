/** NBAK version 1 (spec §31): files, manifests and whole backups, slow and in memory. */
import { gcm } from '@noble/ciphers/aes.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { ascii, byteAt, concat, equal, hex } from './bytes.js';
import { demand, fail } from './fail.js';
import { checkPath } from './path.js';

export type Era = 'nodyn' | 'lynox';

export interface NamedFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** A backup without its directory. */
export interface StoredBackup {
  readonly vaultKey: string | null;
  readonly manifest: Uint8Array;
  readonly files: readonly NamedFile[];
}

/** What a reader makes of one. */
export interface ReadBackup {
  readonly era: Era;
  readonly keyEra: Era | null;
  readonly createdAt: number;
  readonly directory: string;
  readonly files: readonly NamedFile[];
}

/** What a backup is made of. */
export interface PlainBackup {
  readonly era: Era;
  readonly vaultKey: string | null;
  readonly createdAt: string;
  readonly directories: readonly string[];
  readonly files: readonly (NamedFile & { readonly type?: string; readonly iv?: Uint8Array })[];
}

const otherEra = (era: Era): Era => (era === 'nodyn' ? 'lynox' : 'nodyn');

/** §31.1 */
export function v1Key(vaultKey: string, era: Era): Uint8Array {
  return hkdf(sha256, ascii(vaultKey), ascii(`${era}-backup`), ascii(`${era}-backup-encryption`), 32);
}

/** §31.1 */
export function sealV1File(key: Uint8Array, iv: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const sealed = gcm(key, iv).encrypt(plaintext);
  const tag = sealed.slice(-16);
  return concat(ascii('NBAK'), Uint8Array.of(1), iv, tag, sealed.slice(0, -16));
}

/** §31.1 */
export function openV1File(key: Uint8Array, file: Uint8Array): Uint8Array {
  demand(file.length >= 33, 'FORMAT_INVALID', '§31.1', 'too short');
  demand(equal(file.slice(0, 4), ascii('NBAK')), 'FORMAT_INVALID', '§31.1', 'another magic');
  demand(byteAt(file, 4) === 1, 'FORMAT_NEWER', '§31.1', 'another version');
  try {
    return gcm(key, file.slice(5, 17)).decrypt(concat(file.slice(33), file.slice(17, 33)));
  } catch {
    return fail('BLOB_TAMPERED', '§31.1', 'it does not open');
  }
}

/** §31.2 */
export function v1Name(time: number): string {
  const [date = '', clock = ''] = new Date(time).toISOString().split('T');
  return `${date}T${clock.slice(0, 8).replaceAll(':', '')}${clock.slice(9, 11)}Z`;
}

/** §31.3 */
export function overallChecksum(checksums: readonly string[]): string {
  return hex(sha256(ascii([...checksums].sort().join(':'))));
}

interface Row {
  readonly path: string;
  readonly size_bytes: number;
  readonly checksum_sha256: string;
  readonly type: string;
}

/** Makes a backup as the application of an era does. */
export function writeV1Backup(plain: PlainBackup): StoredBackup {
  const { era, vaultKey } = plain;
  const files = plain.files.map(({ path, bytes, iv }, i) => {
    if (vaultKey === null) return { path, bytes };
    return { path, bytes: sealV1File(v1Key(vaultKey, era), iv ?? new Uint8Array(12).fill(i + 1), bytes) };
  });
  const rows: Row[] = [
    ...plain.directories.map((path) => ({ path, size_bytes: 0, checksum_sha256: '', type: 'directory' })),
    ...files.map(({ path, bytes }, i) => ({
      path,
      size_bytes: bytes.length,
      checksum_sha256: hex(sha256(bytes)),
      type: plain.files[i]?.type ?? 'file',
    })),
  ];
  const manifest = {
    version: '1.2.3',
    created_at: plain.createdAt,
    [`${era}_dir`]: `/home/user/.${era}`,
    encrypted: vaultKey !== null,
    files: rows,
    checksum: overallChecksum(
      rows.filter(({ type }) => type !== 'directory').map((row) => row.checksum_sha256),
    ),
  };
  return { vaultKey, manifest: ascii(JSON.stringify(manifest, null, 2)), files };
}

/** Reads one as §31.3 and §31.4 say. */
export function readV1Backup({ vaultKey, manifest, files }: StoredBackup): ReadBackup {
  const list = readV1Manifest(manifest);
  const keys = list.encrypted ? keysOf(vaultKey, list.era) : [];
  const rows = list.rows.filter(({ type }) => type === 'sqlite' || type === 'file');
  const stored = rows.map((row) => checkStored(row, files, list.encrypted));
  const key = list.encrypted ? findKey(stored, keys) : undefined;
  return {
    era: list.era,
    keyEra: key?.era ?? null,
    createdAt: list.createdAt,
    directory: list.directory,
    files: stored.map(({ path, bytes }) => ({
      path,
      bytes: key === undefined ? bytes : openV1File(key.key, bytes),
    })),
  };
}

interface Candidate {
  readonly era: Era;
  readonly key: Uint8Array;
}

function keysOf(vaultKey: string | null, era: Era): readonly Candidate[] {
  if (vaultKey === null || vaultKey === '') return fail('KEY_MISSING', '§31.1', 'a key is needed');
  return [vaultKey, vaultKey.trim()].flatMap((text) =>
    [era, otherEra(era)].map((each) => ({ era: each, key: v1Key(text, each) })),
  );
}

function findKey(stored: readonly NamedFile[], keys: readonly Candidate[]): Candidate | undefined {
  if (stored.length === 0) return keys[0];
  const opens = ({ key }: Candidate, file: NamedFile): boolean => {
    try {
      openV1File(key, file.bytes);
      return true;
    } catch {
      return false;
    }
  };
  const found = keys.find((key) => stored.some((file) => opens(key, file)));
  return found ?? fail('KEY_WRONG', '§31.1', 'no file opens');
}

function checkStored(row: Row, files: readonly NamedFile[], encrypted: boolean): NamedFile {
  const file = files.find(({ path }) => path === row.path);
  if (file === undefined) return fail('OBJECT_MISSING', '§31.4', row.path);
  const { bytes } = file;
  demand(bytes.length === row.size_bytes, 'OBJECT_CORRUPT', '§31.4', 'size');
  const isFrame = equal(bytes.slice(0, 4), ascii('NBAK'));
  demand(!encrypted || isFrame, 'BLOB_TAMPERED', '§31.4', 'not encrypted');
  demand(hex(sha256(bytes)) === row.checksum_sha256, 'OBJECT_CORRUPT', '§31.4', 'checksum');
  return file;
}

interface Manifest {
  readonly era: Era;
  readonly createdAt: number;
  readonly directory: string;
  readonly encrypted: boolean;
  readonly rows: readonly Row[];
}

/** §31.3 */
function readV1Manifest(bytes: Uint8Array): Manifest {
  const bad = (why: string): never => fail('FORMAT_INVALID', '§31.3', why);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return bad('no JSON');
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return bad('no object');
  const fields = json as Readonly<Record<string, unknown>>;
  const era: Era = 'nodyn_dir' in fields ? 'nodyn' : 'lynox';
  const { version, encrypted, checksum, created_at: created, files } = fields;
  const directory = fields[`${era}_dir`];
  if (typeof version !== 'string' || typeof directory !== 'string') return bad('a text is none');
  if (typeof encrypted !== 'boolean') return bad('encrypted');
  const createdAt = typeof created === 'string' && created.endsWith('Z') ? Date.parse(created) : Number.NaN;
  if (Number.isNaN(createdAt)) return bad('created_at');
  if (!Array.isArray(files)) return bad('files');
  const rows = (files as readonly Row[]).map(checkRow);
  const paths = rows.map(({ path }) => path);
  if (new Set(paths).size !== paths.length) return bad('a path is there twice');
  for (const { path, type } of rows)
    if (type !== 'directory' && type !== 'kuzu_dir' && paths.some((other) => other.startsWith(`${path}/`)))
      return bad('a file with files below it');
  const checksums = rows.filter(({ type }) => type === 'file' || type === 'sqlite');
  const overall = overallChecksum(checksums.map((row) => row.checksum_sha256));
  demand(overall === checksum, 'REFERENCE_TAMPERED', '§31.3', 'overall checksum');
  return { era, createdAt, directory, encrypted, rows };
}

function checkRow(row: Row): Row {
  const isDirectory = row.type === 'directory' || row.type === 'kuzu_dir';
  demand(
    isDirectory || row.type === 'file' || row.type === 'sqlite',
    'FORMAT_NEWER',
    '§31.3',
    'unknown type',
  );
  demand(row.path !== '', 'FORMAT_INVALID', '§31.3', 'an empty path');
  checkPath(ascii(row.path));
  demand(Number.isSafeInteger(row.size_bytes) && row.size_bytes >= 0, 'FORMAT_INVALID', '§31.3', 'size');
  demand(isDirectory || /^[0-9a-f]{64}$/.test(row.checksum_sha256), 'FORMAT_INVALID', '§31.3', 'checksum');
  return row;
}
