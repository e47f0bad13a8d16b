/** Lists what lies in the folders of a local storage. */

import { readdir, lstat } from 'node:fs/promises';
import { parentOf, type LocalDirectories } from './local-directories.js';
import { isObjectName, printableName } from './object-name.js';
import { isAbsence } from './storage-error.js';
import type { ForeignEntry, ObjectInfo } from './storage.js';

/** What a walk meets. */
export type Found = { readonly object: ObjectInfo } | { readonly foreign: ForeignEntry };

/** lstat calls under way at once: enough to hide a network file system's delay. */
const PARALLEL = 32;

/**
 * Walks everything whose name begins with `prefix`. Folders whose name no object's name can contain are not
 * entered: `lost+found` is one foreign entry and no permission error.
 *
 * @throws system errors, except for what vanishes meanwhile.
 */
export async function* walk(directories: LocalDirectories, prefix: string): AsyncGenerator<Found> {
  const folders = [parentOf(prefix)];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const files: string[] = [];
    for (const entry of await entriesOf(directories, folder)) {
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (!name.startsWith(prefix)) continue;
      if (entry.isDirectory() && isObjectName(name)) folders.push(name);
      else if (entry.isFile() && isObjectName(name)) files.push(name);
      else yield { foreign: { name: printableName(entry.isDirectory() ? `${name}/` : name) } };
    }
    for (let i = 0; i < files.length; i += PARALLEL) {
      const infos = await Promise.all(files.slice(i, i + PARALLEL).map((name) => inspect(directories, name)));
      for (const object of infos) if (object !== undefined) yield { object };
    }
  }
}

async function entriesOf(directories: LocalDirectories, folder: string) {
  try {
    directories.assertReal(folder);
    return await readdir(directories.pathOf(folder), { withFileTypes: true });
  } catch (error) {
    // The repository's own directory was there when it was opened: its absence is an unmounted disk, not "empty".
    if (isAbsence(error) && folder !== '') return [];
    throw error;
  }
}

async function inspect(directories: LocalDirectories, name: string): Promise<ObjectInfo | undefined> {
  try {
    const stats = await lstat(directories.pathOf(name));
    return isObjectName(name) && stats.isFile()
      ? { name, size: stats.size, modifiedMs: stats.mtimeMs }
      : undefined;
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}
