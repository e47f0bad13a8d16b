/** A backup of NBAK version 1 on its way into a repository (§32.1). */

import { basename, isAbsolute } from 'node:path';
import { pathFromText } from '../../format/path.js';
import type { V1Manifest } from '../../format/v1/manifest.js';
import { assertSpace } from '../../restore/target.js';
import type { StagedState, StagingTask } from '../staging.js';
import { StagedDirectory } from '../staged-directory.js';
import { V1Directory } from './directory.js';
import { sizeOf, stageV1 } from './restore.js';

/** Stages the files of a directory with a manifest of nodyn or lynox. */
export function stageV1Backup({ crypto, path, staged, wish, signal }: StagingTask): StagedState {
  using backup = new V1Directory(path);
  const { manifest } = backup;
  const root = rootName(manifest);
  const inner = new StagedDirectory(staged.place(pathFromText(root)).toString());
  assertSpace(inner.path, sizeOf(backup));
  const access = { crypto, backup, vaultKey: wish.vaultKey, ...(signal && { signal }) };
  const { era: keyEra } = stageV1(access, inner);
  return {
    root,
    time: manifest.createdAt,
    origin: isPath(manifest.directory) ? manifest.directory : path,
    purpose: 'ordinary',
    dropped: [],
    ...(keyEra !== undefined && { keyEra }),
  };
}

/** The last component of what was backed up, unless the manifest, which anybody can write, has none that can be one. */
function rootName({ directory, era }: V1Manifest): string {
  const name = basename(directory);
  const isName = isPath(directory) && !['', '.', '..'].includes(name) && Buffer.byteLength(name) <= 255;
  return isName ? name : era;
}

function isPath(text: string): boolean {
  return isAbsolute(text) && !text.includes('\0') && Buffer.byteLength(text) <= 4096;
}
