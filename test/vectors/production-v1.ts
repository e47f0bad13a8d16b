/** The program's own code for version 1 behind the interface of the vectors: it reads directories, so it is given one. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { startGcmOpening, startGcmSealing } from '#nbak/crypto/gcm-stream.js';
import type { CryptoProvider } from '#nbak/crypto/provider.js';
import { NbakError } from '#nbak/errors.js';
import { concatBytes } from '#nbak/format/bytes.js';
import { decodeV1Head, encodeV1Head, V1_HEAD_BYTES } from '#nbak/format/v1/file.js';
import { pathToText } from '#nbak/format/path.js';
import { V1Directory } from '#nbak/exchange/v1/directory.js';
import { restoreV1 } from '#nbak/exchange/v1/restore.js';
import { v1FileKey } from '#nbak/vault/v1-key.js';
import type { Era, ReadBackup, StoredBackup } from '../reference/v1.js';

interface FileKey {
  readonly vaultKey: string;
  readonly era: Era;
}

export function sealFile(
  crypto: CryptoProvider,
  { vaultKey, era, iv, plaintext }: FileKey & { readonly iv: Uint8Array; readonly plaintext: Uint8Array },
): Uint8Array {
  const sealing = startGcmSealing(v1FileKey(crypto, vaultKey, era), iv);
  const ciphertext = sealing.update(plaintext);
  return concatBytes(encodeV1Head({ iv, tag: sealing.finish() }), ciphertext);
}

export function openFile(
  crypto: CryptoProvider,
  { vaultKey, era, file }: FileKey & { readonly file: Uint8Array },
): Uint8Array {
  const { iv, tag } = decodeV1Head(file);
  const opening = startGcmOpening(v1FileKey(crypto, vaultKey, era), iv, tag);
  const plaintext = opening.update(file.subarray(V1_HEAD_BYTES));
  if (!opening.finish()) throw new NbakError('BLOB_TAMPERED', 'it does not open');
  return plaintext;
}

export function readBackup(crypto: CryptoProvider, stored: StoredBackup): ReadBackup {
  const directory = mkdtempSync(join(tmpdir(), 'nbak-test-v1-'));
  try {
    const source = join(directory, 'backup');
    for (const { path, bytes } of [{ path: 'manifest.json', bytes: stored.manifest }, ...stored.files]) {
      mkdirSync(dirname(join(source, path)), { recursive: true });
      writeFileSync(join(source, path), bytes);
    }
    using backup = new V1Directory(source);
    const target = join(directory, 'target');
    const access = { crypto, backup, vaultKey: stored.vaultKey ?? undefined };
    const { era: keyEra = null } = restoreV1(access, target);
    const { era, createdAt, directory: origin } = backup.manifest;
    const files = backup.files.map((entry) => {
      const path = pathToText(entry.path);
      return { path, bytes: new Uint8Array(readFileSync(join(target, path))) };
    });
    return { era, keyEra, createdAt, directory: origin, files };
  } finally {
    rmSync(directory, { recursive: true });
  }
}
