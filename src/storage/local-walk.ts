/** Lists what lies in the folders of a local storage. */

import { lstatSync, readdirSync, type Dirent, type Stats } from 'node:fs';
import { readdir, lstat } from 'node:fs/promises';
import { parentOf, type LocalDirectories } from './local-directories.js';
import { isObjectName, printableName, type ObjectName } from './object-name.js';
import { isAbsence } from './storage-error.js';
import type { ForeignEntry, ObjectInfo } from './storage.js';

/** What a walk meets. */
export type Found = { readonly object: ObjectInfo } | { readonly foreign: ForeignEntry };

/** Objects looked at together: enough to hide a network file system's delay. */
const GROUP = 32;

/**
 * As long as an lstat takes less, nobody waits for it elsewhere: a disk of this machine answers in some 10 µs, a
 * quarter of what the trip to the thread pool costs.
 */
const PROMPT_MS = 0.5;

/**
 * Walks everything whose name begins with `prefix`. Folders whose name no object's name can contain are not
 * entered: `lost+found` is one foreign entry and no permission error.
 *
 * @returns what it meets, in groups: a step of an asynchronous generator costs as much as an lstat.
 * @throws system errors, except for what vanishes meanwhile.
 */
export async function* walk(directories: LocalDirectories, prefix: string): AsyncGenerator<readonly Found[]> {
  let isPrompt = true;
  const folders = [parentOf(prefix)];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const files: ObjectName[] = [];
    const foreign: Found[] = [];
    for (const entry of await entriesOf(directories, folder, isPrompt ? readFolderNow : readFolder)) {
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (!name.startsWith(prefix)) continue;
      if (entry.isDirectory() && isObjectName(name)) folders.push(name);
      else if (entry.isFile() && isObjectName(name)) files.push(name);
      else foreign.push({ foreign: { name: printableName(entry.isDirectory() ? `${name}/` : name) } });
    }
    if (foreign.length > 0) yield foreign;
    for (let i = 0; i < files.length; i += GROUP) {
      const group = files.slice(i, i + GROUP);
      const paths = group.map((name) => directories.pathOf(name));
      const startedAt = performance.now();
      const all = isPrompt ? paths.map(inspectNow) : await Promise.all(paths.map(inspect));
      isPrompt &&= performance.now() - startedAt < group.length * PROMPT_MS;
      yield group.flatMap((name, k) => {
        const stats = all[k];
        return stats?.isFile() === true
          ? [{ object: { name, size: stats.size, modifiedMs: stats.mtimeMs } }]
          : [];
      });
    }
  }
}

async function entriesOf(
  directories: LocalDirectories,
  folder: string,
  read: (path: string) => readonly Dirent[] | Promise<readonly Dirent[]>,
): Promise<readonly Dirent[]> {
  try {
    directories.assertReal(folder);
    return await read(directories.pathOf(folder));
  } catch (error) {
    // The repository's own directory was there when it was opened: its absence is an unmounted disk, not "empty".
    if (isAbsence(error) && folder !== '') return [];
    throw error;
  }
}

const readFolderNow = (path: string): readonly Dirent[] => readdirSync(path, { withFileTypes: true });
const readFolder = (path: string): Promise<readonly Dirent[]> => readdir(path, { withFileTypes: true });

function inspectNow(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

async function inspect(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}
