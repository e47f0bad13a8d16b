/** Restoring a backup of version 1 into a new directory: all of it is checked before anything has its name. */

import { existsSync, readdirSync } from 'node:fs';
import type { CryptoProvider } from '../../crypto/provider.js';
import { NbakError } from '../../errors.js';
import type { BytePath } from '../../format/path.js';
import { V1_HEAD_BYTES } from '../../format/v1/file.js';
import { isV1Directory, type V1Era } from '../../format/v1/manifest.js';
import type { FileTime } from '../../restore/attributes.js';
import { assertSpace } from '../../restore/target.js';
import { StagedDirectory } from '../staged-directory.js';
import { assertOverallChecksum, readV1File, type V1Reading } from './content.js';
import type { V1Directory } from './directory.js';
import { findV1Key } from './key.js';

/** How to read a backup of version 1. */
export interface V1Access {
  readonly crypto: CryptoProvider;
  readonly backup: V1Directory;
  /** Any text; undefined for a backup that is not encrypted. */
  readonly vaultKey: string | undefined;
  readonly signal?: AbortSignal;
}

/** What was restored. */
export interface V1Restored {
  readonly files: number;
  readonly bytes: number;
  /** Whose key opened it; undefined where it was not encrypted. */
  readonly era: V1Era | undefined;
}

/**
 * Writes a backup's files below `staged`: files 0600, directories 0700, times as the backup's own files have them.
 *
 * @throws NbakError what {@link findV1Key} and reading its files throw. What was written until then is to be discarded.
 */
export function stageV1(access: V1Access, staged: StagedDirectory): V1Restored {
  const { crypto, backup, vaultKey, signal } = access;
  assertOverallChecksum(crypto, backup);
  const key = findV1Key(crypto, backup, vaultKey);
  const reading: V1Reading = { crypto, backup, key: key?.bytes, ...(signal && { signal }) };
  const { entries, encrypted } = backup.manifest;
  let bytes = 0;
  for (const entry of entries) {
    if (isV1Directory(entry)) {
      staged.makeDirectory(entry.path);
      continue;
    }
    staged.write(entry.path, readV1File(reading, entry), {
      mode: 0o600,
      mtime: mtimeOf(backup, entry.path),
    });
    bytes += entry.size - (encrypted ? V1_HEAD_BYTES : 0);
  }
  return { files: backup.files.length, bytes, era: key?.era };
}

/**
 * Restores into an absent or empty directory, at once or not at all.
 *
 * @throws NbakError `TARGET_NOT_EMPTY`, `TARGET_FAILED`, `SPACE_INSUFFICIENT`, and what {@link stageV1} throws.
 */
export function restoreV1(access: V1Access, target: string): V1Restored {
  assertAbsentOrEmpty(target);
  assertSpace(target, sizeOf(access.backup));
  const staged = StagedDirectory.beside(target);
  try {
    const restored = stageV1(access, staged);
    staged.commit(target);
    return restored;
  } catch (error) {
    staged.discard();
    throw error;
  }
}

/** Bytes of all files as stored. */
export function sizeOf({ files }: V1Directory): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}

function mtimeOf(backup: V1Directory, path: BytePath): FileTime {
  using file = backup.open(path);
  return file.mtime;
}

function assertAbsentOrEmpty(target: string): void {
  if (!existsSync(target)) return;
  let isEmpty = false;
  try {
    isEmpty = readdirSync(target).length === 0;
  } catch {
    // No directory, or one that cannot be looked into.
  }
  if (isEmpty) return;
  throw new NbakError('TARGET_NOT_EMPTY', `${target} is there already and is no empty directory`, {
    details: { target },
    hint: 'Choose an absent or empty directory.',
  });
}
