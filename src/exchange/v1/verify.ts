/** Verifying a backup of version 1 as far as it goes: nothing in it is signed, and its manifest is open to anybody. */

import { isNbakError, type ErrorCode } from '../../errors.js';
import { pathToText } from '../../format/path.js';
import type { V1Entry, V1Era } from '../../format/v1/manifest.js';
import { checkDatabaseData, type IntegrityVerdict, type PlacedBytes } from '../../source/sqlite/integrity.js';
import { assertOverallChecksum, checkV1File, readV1File, type V1Reading } from './content.js';
import { findV1Key } from './key.js';
import type { V1Access } from './restore.js';

/** What is wrong. */
export interface V1Problem {
  readonly code: ErrorCode;
  readonly message: string;
  readonly path?: string;
}

/** What verifying found. */
export interface V1Verification {
  readonly files: number;
  /** Bytes as stored. */
  readonly bytes: number;
  /** Whose key opened the files; undefined where none was given, or none was needed. */
  readonly era: V1Era | undefined;
  readonly problems: readonly V1Problem[];
  readonly databases: readonly ({ readonly path: string } & IntegrityVerdict)[];
  /** Names that the manifest does not know. */
  readonly unlisted: readonly string[];
}

/**
 * Compares every file with the manifest, and the manifest with itself; where content can be read, runs
 * `integrity_check` on every database. Without a key an encrypted backup is compared as far as it goes.
 *
 * @param staging - an existing directory with room for the largest database.
 * @throws NbakError `KEY_WRONG`, `INTERRUPTED`, `TARGET_FAILED`. What is wrong with the backup is in the result.
 */
export async function verifyV1(access: V1Access, staging: string): Promise<V1Verification> {
  const { crypto, backup, vaultKey, signal } = access;
  const key = vaultKey === undefined ? undefined : findV1Key(crypto, backup, vaultKey);
  const reading: V1Reading = { crypto, backup, key: key?.bytes, ...(signal && { signal }) };
  const problems: V1Problem[] = [];
  const databases: V1Verification['databases'][number][] = [];
  collect(problems, undefined, () => assertOverallChecksum(crypto, backup));
  let bytes = 0;
  for (const entry of backup.files) {
    const isSound = collect(problems, entry, () => checkV1File(reading, entry));
    if (isSound) bytes += entry.size;
    const isReadable = key !== undefined || !backup.manifest.encrypted;
    if (!isSound || !isReadable || entry.type !== 'sqlite') continue;
    const verdict = await checkDatabaseData(placed(readV1File(reading, entry)), staging);
    databases.push({ path: pathToText(entry.path), ...verdict });
    if (verdict.verdict === 'failed') {
      const message = `Database ${pathToText(entry.path)} fails its integrity check: ${verdict.message}`;
      problems.push({ code: 'DATABASE_CHECK_FAILED', message, path: pathToText(entry.path) });
    }
  }
  return {
    files: backup.files.length,
    bytes,
    era: key?.era,
    problems,
    databases,
    unlisted: backup.unlisted(),
  };
}

/** Runs a check; @returns false where it found something. */
function collect(problems: V1Problem[], entry: V1Entry | undefined, check: () => void): boolean {
  try {
    check();
    return true;
  } catch (error) {
    if (!isNbakError(error) || error.code === 'INTERRUPTED') throw error;
    const { code, message } = error;
    problems.push({ code, message, ...(entry !== undefined && { path: pathToText(entry.path) }) });
    return false;
  }
}

// eslint-disable-next-line @typescript-eslint/require-await -- the check takes data as it comes from a repository too
async function* placed(chunks: Iterable<Uint8Array>): AsyncGenerator<PlacedBytes> {
  let offset = 0;
  for (const bytes of chunks) {
    yield { offset, bytes };
    offset += bytes.length;
  }
}
