/** Reading the files of a backup of version 1: size, checksum, authentication tag (§31.4). */

import { startGcmOpening } from '../../crypto/gcm-stream.js';
import type { CryptoProvider } from '../../crypto/provider.js';
import { NbakError } from '../../errors.js';
import { toHex } from '../../format/bytes.js';
import { pathToText } from '../../format/path.js';
import { decodeV1Head, hasV1Magic, V1_HEAD_BYTES } from '../../format/v1/file.js';
import { v1ChecksumInput, type V1Entry } from '../../format/v1/manifest.js';
import { assertWanted } from '../interruption.js';
import type { StoredFile, V1Directory } from './directory.js';

/** How files are read. */
export interface V1Reading {
  readonly crypto: CryptoProvider;
  readonly backup: V1Directory;
  /** The key of an encrypted backup's files; undefined reads the bytes as they are stored. */
  readonly key: Uint8Array | undefined;
  readonly signal?: AbortSignal;
}

/**
 * The content of a file. It counts only when the generator ends without an error: size, checksum and authentication
 * tag are known at the end.
 *
 * @throws NbakError `OBJECT_MISSING`, `OBJECT_UNEXPECTED`; `OBJECT_CORRUPT` for another size or checksum than the
 *   manifest's; `BLOB_TAMPERED` for a file of an encrypted backup that is not encrypted, or does not open with the key.
 */
export function* readV1File(reading: V1Reading, entry: V1Entry): Generator<Uint8Array, void, void> {
  const { crypto, backup, key, signal } = reading;
  using file = backup.open(entry.path);
  if (file.size !== entry.size)
    throw corrupt(reading, entry, `it has ${file.size} bytes, the manifest says ${entry.size}`);
  const running = crypto.startSha256();
  const isEncrypted = backup.manifest.encrypted;
  const head = isEncrypted ? readHead(file, running) : undefined;
  if (isEncrypted && (head === undefined || !hasV1Magic(head))) throw notEncrypted(reading, entry);
  const opening = startOpening(head, key);
  for (const block of file.blocks(head?.length ?? 0)) {
    assertWanted(signal);
    running.update(block);
    yield opening === undefined ? block : opening.update(block);
  }
  if (toHex(running.digest()) !== entry.checksum)
    throw corrupt(reading, entry, 'its checksum is not the one in the manifest');
  if (opening?.finish() === false) throw doesNotOpen(reading, entry);
}

/** Reads a file to its end for the sake of the checks alone. */
export function checkV1File(reading: V1Reading, entry: V1Entry): void {
  const content = readV1File(reading, entry);
  while (content.next().done !== true);
}

/**
 * Compares the overall checksum, which the applications wrote and never looked at.
 *
 * @throws NbakError `REFERENCE_TAMPERED`.
 */
export function assertOverallChecksum(crypto: CryptoProvider, { manifest, path }: V1Directory): void {
  if (toHex(crypto.sha256(v1ChecksumInput(manifest.entries))) === manifest.checksum) return;
  throw new NbakError(
    'REFERENCE_TAMPERED',
    `The manifest of ${path} contradicts itself: its overall checksum is not that of its list`,
    {
      details: { backup: path, clause: '§31.3' },
      hint: 'Entries were added, taken out or changed after the backup was made.',
    },
  );
}

function startOpening(
  head: Uint8Array | undefined,
  key: Uint8Array | undefined,
): ReturnType<typeof startGcmOpening> | undefined {
  if (head === undefined) return undefined;
  const { iv, tag } = decodeV1Head(head);
  return key === undefined ? undefined : startGcmOpening(key, iv, tag);
}

function readHead(file: StoredFile, running: ReturnType<CryptoProvider['startSha256']>): Uint8Array {
  const [start = new Uint8Array()] = file.blocks(0);
  const head = start.slice(0, V1_HEAD_BYTES);
  running.update(head);
  return head;
}

function corrupt({ backup }: V1Reading, { path }: V1Entry, why: string): NbakError {
  const name = pathToText(path);
  return new NbakError('OBJECT_CORRUPT', `${name} in ${backup.path} is damaged: ${why}`, {
    details: { path: name, backup: backup.path },
  });
}

function notEncrypted({ backup }: V1Reading, { path }: V1Entry): NbakError {
  const name = pathToText(path);
  return new NbakError('BLOB_TAMPERED', `${name} is not encrypted, in a backup that says it is`, {
    details: { path: name, backup: backup.path, clause: '§31.4' },
    hint: 'It may have been put there. (The applications made such backups too, where the vault key was empty.)',
  });
}

function doesNotOpen({ backup }: V1Reading, { path }: V1Entry): NbakError {
  const name = pathToText(path);
  return new NbakError('BLOB_TAMPERED', `${name} does not open with the key of this backup`, {
    details: { path: name, backup: backup.path, clause: '§31.1' },
  });
}
