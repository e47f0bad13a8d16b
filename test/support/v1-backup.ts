/** Backups of NBAK version 1 in directories, made by the reference codec. */

import { writeTree } from './cli.js';
import { writeV1Backup, type PlainBackup, type StoredBackup } from '../reference/v1.js';

/** The vault key of backups that tests make: of a kind that version 2 would refuse to set. */
export const V1_KEY = 'vault';

/** Writes a stored backup as a directory. */
export function writeV1Directory(directory: string, { manifest, files }: StoredBackup): void {
  const tree = Object.fromEntries(files.map(({ path, bytes }) => [path, bytes]));
  writeTree(directory, { 'manifest.json': manifest, ...tree });
}

/** Makes a backup of `files`, encrypted unless `vaultKey` is null, and writes it. */
export function makeV1Directory(
  directory: string,
  files: Readonly<Record<string, string | Uint8Array>>,
  choice: Partial<Omit<PlainBackup, 'files'>> = {},
): void {
  const plain: PlainBackup = {
    era: 'lynox',
    vaultKey: V1_KEY,
    createdAt: '2026-05-01T12:34:56.789Z',
    directories: [],
    ...choice,
    files: Object.entries(files).map(([path, content]) => ({
      path,
      bytes: typeof content === 'string' ? new TextEncoder().encode(content) : content,
      type: path.endsWith('.db') ? 'sqlite' : 'file',
    })),
  };
  writeV1Directory(directory, writeV1Backup(plain));
}
