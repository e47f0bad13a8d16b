/** Vectors of v1.json. */
import { sha256 } from '@noble/hashes/sha2.js';
import { ascii, hex, unhex } from '../bytes.js';
import {
  overallChecksum,
  sealV1File,
  v1Key,
  writeV1Backup,
  type Era,
  type PlainBackup,
  type StoredBackup,
} from '../v1.js';
import { type DraftFile, group, invalid, valid, type Values } from './draft.js';
import { append, flip, patch, withoutEnd } from './verbs.js';

const VAULT_KEY = 'test-vault-key-123';
const IV = unhex('000102030405060708090a0b');

const fileOf = (era: Era, text = 'hello'): Uint8Array => sealV1File(v1Key(VAULT_KEY, era), IV, ascii(text));
const asked = (file: Uint8Array, era: Era = 'lynox', vaultKey = VAULT_KEY): Values => ({
  vaultKey,
  era,
  file,
});
const sealed = (era: Era, vaultKey: string, text: string): Values => ({
  vaultKey,
  era,
  iv: IV,
  plaintext: ascii(text),
});

const plain: PlainBackup = {
  era: 'lynox',
  vaultKey: VAULT_KEY,
  createdAt: '2026-05-01T12:34:56.789Z',
  directories: ['memory'],
  files: [
    { path: 'config.json', bytes: ascii('{}') },
    { path: 'memory/global/facts.txt', bytes: ascii('The sky is blue.') },
    { path: 'empty', bytes: new Uint8Array() },
  ],
};
const backup = writeV1Backup(plain);

type Row = Record<string, unknown>;
type Fields = Record<string, unknown> & { files: Row[] };

/** A backup whose manifest was changed, and its checksums not made anew. */
function edited(change: (fields: Fields) => void, of: StoredBackup = backup): Values {
  const fields = JSON.parse(new TextDecoder().decode(of.manifest)) as Fields;
  change(fields);
  return { ...of, manifest: ascii(JSON.stringify(fields)) };
}

/** A backup one of whose files was replaced by somebody who made all checksums anew. */
function replaced(path: string, bytes: Uint8Array): Values {
  const changed = edited((fields) => {
    for (const row of fields.files.filter((each) => each['path'] === path)) {
      row['size_bytes'] = bytes.length;
      row['checksum_sha256'] = hex(sha256(bytes));
    }
    recompute(fields);
  });
  return { ...changed, files: backup.files.map((file) => (file.path === path ? { path, bytes } : file)) };
}

function recompute(fields: Fields): void {
  const rows = fields.files.filter(({ type }) => type === 'file' || type === 'sqlite');
  fields['checksum'] = overallChecksum(rows.map((row) => String(row['checksum_sha256'])));
}

const rowOf = (fields: Fields, path: string): Row => fields.files.find((row) => row['path'] === path) ?? {};
const withPath = (path: string): Values =>
  edited((fields) => {
    rowOf(fields, 'config.json')['path'] = path;
  });
const config = backup.files.find(({ path }) => path === 'config.json')?.bytes ?? new Uint8Array();

export const v1File: DraftFile = {
  name: 'v1.json',
  spec: 'spec/exchange.md#31-nbak-version-1',
  formatVersion: 1,
  header: [
    'NBAK version 1. A backup is given as the bytes of manifest.json and of the files beside it.',
    'In the input, vaultKey is text, or null where none is given.',
  ],
  groups: [
    group(
      'sealV1File',
      valid('nodyn', '§31.1', sealed('nodyn', VAULT_KEY, 'hello'), { key: v1Key(VAULT_KEY, 'nodyn') }),
      valid('lynox', '§31.1', sealed('lynox', VAULT_KEY, 'hello'), { key: v1Key(VAULT_KEY, 'lynox') }),
      valid('nothing, as nodyn', '§31.1', sealed('nodyn', VAULT_KEY, '')),
      valid('nothing, as lynox', '§31.1', sealed('lynox', VAULT_KEY, '')),
      valid('a key that looks like base64 is not decoded', '§31.1', sealed('lynox', 'aGVsbG8gd29ybGQ=', 'x')),
      valid('a key beyond ASCII', '§31.1', sealed('lynox', 'schlüssel-鍵', 'x')),
      valid('what a text form of version 2 would call a typo is a key here', '§31.1', {
        ...sealed('lynox', `nbakkey1${'q'.repeat(58)}`, 'x'),
      }),
    ),
    group(
      'openV1File',
      valid('nodyn', '§31.1', asked(fileOf('nodyn'), 'nodyn')),
      valid('lynox', '§31.1', asked(fileOf('lynox'))),
      valid('an empty file', '§31.1', asked(fileOf('lynox', ''))),
      invalid('FORMAT_INVALID', 'nothing at all', '§31.1', asked(new Uint8Array())),
      invalid(
        'FORMAT_INVALID',
        'one byte short of a head',
        '§31.1',
        asked(withoutEnd(fileOf('lynox', ''), 1)),
      ),
      invalid('FORMAT_INVALID', 'another magic', '§31.1', asked(flip(fileOf('lynox'), 0))),
      invalid('FORMAT_NEWER', 'version 2', '§31.1', asked(patch(fileOf('lynox'), 4, Uint8Array.of(2)))),
      invalid('FORMAT_NEWER', 'version 0', '§31.1', asked(patch(fileOf('lynox'), 4, Uint8Array.of(0)))),
      invalid('BLOB_TAMPERED', 'a bit of the IV flipped', '§31.1', asked(flip(fileOf('lynox'), 5))),
      invalid('BLOB_TAMPERED', 'a bit of the tag flipped', '§31.1', asked(flip(fileOf('lynox'), 17))),
      invalid('BLOB_TAMPERED', 'a bit of the ciphertext flipped', '§31.1', asked(flip(fileOf('lynox'), -1))),
      invalid('BLOB_TAMPERED', 'the last byte missing', '§31.1', asked(withoutEnd(fileOf('lynox'), 1))),
      invalid('BLOB_TAMPERED', 'a byte after the end', '§31.1', asked(append(fileOf('lynox'), 0))),
      invalid('BLOB_TAMPERED', 'the other era’s key', '§31.1', asked(fileOf('nodyn'), 'lynox')),
      invalid('BLOB_TAMPERED', 'another vault key', '§31.1', asked(fileOf('lynox'), 'lynox', 'another')),
    ),
    group(
      'nameV1Backup',
      valid('hundredths of a second', '§31.2', { time: Date.UTC(2026, 2, 25, 3, 0, 0, 123) }),
      valid('a whole second', '§31.2', { time: Date.UTC(2026, 2, 25, 3, 0, 0, 0) }),
    ),
    group(
      'readV1Backup',
      valid('encrypted, lynox', '§31.4', { ...backup }),
      valid('encrypted, nodyn', '§31.4', { ...writeV1Backup({ ...plain, era: 'nodyn' }) }),
      valid('not encrypted', '§31.4', { ...writeV1Backup({ ...plain, vaultKey: null }) }),
      valid('not encrypted, and a file that begins with the magic', '§31.4', {
        ...writeV1Backup({
          ...plain,
          vaultKey: null,
          files: [{ path: 'a', bytes: ascii('NBAK is a word') }],
        }),
      }),
      valid('nothing in it', '§31.3', {
        ...writeV1Backup({ ...plain, vaultKey: null, directories: [], files: [] }),
      }),
      valid('made by nodyn’s key, and a manifest of lynox', '§31.1', {
        ...edited(
          (fields) => {
            fields['lynox_dir'] = fields['nodyn_dir'];
            delete fields['nodyn_dir'];
          },
          writeV1Backup({ ...plain, era: 'nodyn' }),
        ),
      }),
      valid('the key with a line end that the application had trimmed', '§31.1', {
        ...backup,
        vaultKey: `${VAULT_KEY}\n`,
      }),
      valid('a knowledge graph that was a directory', '§31.3', {
        ...edited((fields) => {
          rowOf(fields, 'memory')['type'] = 'kuzu_dir';
        }),
      }),
      valid('a field that nobody knows', '§31.3', {
        ...edited((fields) => {
          fields['backup_id'] = 'x';
        }),
      }),
      valid('a file that the manifest does not know is not read', '§31.4', {
        ...backup,
        files: [...backup.files, { path: 'stray', bytes: ascii('x') }],
      }),
      invalid('KEY_MISSING', 'encrypted, and no key', '§31.1', { ...backup, vaultKey: null }),
      invalid('KEY_WRONG', 'another key', '§31.1', { ...backup, vaultKey: 'another' }),
      invalid('OBJECT_MISSING', 'a file is gone', '§31.4', {
        ...backup,
        files: backup.files.filter(({ path }) => path !== 'config.json'),
      }),
      invalid('OBJECT_CORRUPT', 'a file is one byte short', '§31.4', {
        ...backup,
        files: backup.files.map((file) =>
          file.path === 'config.json' ? { ...file, bytes: withoutEnd(file.bytes, 1) } : file,
        ),
      }),
      invalid('OBJECT_CORRUPT', 'a bit of a file flipped', '§31.4', {
        ...backup,
        files: backup.files.map((file) =>
          file.path === 'config.json' ? { ...file, bytes: flip(file.bytes, -1) } : file,
        ),
      }),
      invalid('BLOB_TAMPERED', 'a bit of a file flipped, and the checksums made anew', '§31.4', {
        ...replaced('config.json', flip(config, -1)),
      }),
      invalid('BLOB_TAMPERED', 'a file that is not encrypted put into an encrypted backup (N-13)', '§31.4', {
        ...replaced('config.json', ascii('{"evil": true, "padding": "long enough for a head"}')),
      }),
      invalid('BLOB_TAMPERED', 'encrypted: true, and no file is (N-8)', '§31.4', {
        ...edited(
          (fields) => {
            fields['encrypted'] = true;
          },
          { ...writeV1Backup({ ...plain, vaultKey: null }), vaultKey: VAULT_KEY },
        ),
      }),
      invalid('REFERENCE_TAMPERED', 'an entry taken out of the list', '§31.3', {
        ...edited((fields) => {
          fields.files = fields.files.filter((row) => row['path'] !== 'config.json');
        }),
      }),
      invalid('REFERENCE_TAMPERED', 'another overall checksum', '§31.3', {
        ...edited((fields) => {
          fields['checksum'] = '0'.repeat(64);
        }),
      }),
      invalid('PATH_UNSAFE', 'a path that leaves the target (N-14)', '§31.3', {
        ...withPath('../config.json'),
      }),
      invalid('PATH_UNSAFE', 'a path that leaves the target further down', '§31.3', {
        ...withPath('memory/../../config.json'),
      }),
      invalid('PATH_UNSAFE', 'an absolute path', '§31.3', { ...withPath('/etc/config.json') }),
      invalid('PATH_UNSAFE', 'a path with a zero byte', '§31.3', { ...withPath('config\0.json') }),
      invalid('FORMAT_INVALID', 'an empty path', '§31.3', { ...withPath('') }),
      invalid('FORMAT_INVALID', 'a path that is there twice', '§31.3', { ...withPath('empty') }),
      invalid('FORMAT_INVALID', 'a file with files below it', '§31.3', { ...withPath('memory/global') }),
      invalid('FORMAT_NEWER', 'an entry of an unknown type', '§31.3', {
        ...edited((fields) => {
          rowOf(fields, 'config.json')['type'] = 'symlink';
        }),
      }),
      invalid('FORMAT_INVALID', 'a checksum in capital letters', '§31.3', {
        ...edited((fields) => {
          const row = rowOf(fields, 'config.json');
          row['checksum_sha256'] = String(row['checksum_sha256']).toUpperCase();
        }),
      }),
      invalid('FORMAT_INVALID', 'a negative size', '§31.3', {
        ...edited((fields) => {
          rowOf(fields, 'config.json')['size_bytes'] = -1;
        }),
      }),
      invalid('FORMAT_INVALID', 'neither nodyn_dir nor lynox_dir', '§31.3', {
        ...edited((fields) => {
          delete fields['lynox_dir'];
        }),
      }),
      invalid('FORMAT_INVALID', 'encrypted is text', '§31.3', {
        ...edited((fields) => {
          fields['encrypted'] = 'true';
        }),
      }),
      invalid('FORMAT_INVALID', 'a date without a zone', '§31.3', {
        ...edited((fields) => {
          fields['created_at'] = '2026-05-01T12:34:56.789';
        }),
      }),
      invalid('FORMAT_INVALID', 'no list', '§31.3', {
        ...backup,
        manifest: ascii('{"version":"1","encrypted":true}'),
      }),
      invalid('FORMAT_INVALID', 'a manifest that was cut off', '§31.3', {
        ...backup,
        manifest: withoutEnd(backup.manifest, 1),
      }),
    ),
  ],
};
