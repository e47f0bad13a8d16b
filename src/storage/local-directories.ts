/** The folders of a local storage: they exist, are no links, and their entries are durable. */

import { lstatSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemCode } from './storage-error.js';

/** Something that is no folder lies where a folder of the repository belongs. */
export class NotADirectoryError extends Error {
  override readonly name = 'NotADirectoryError';
}

/** The folders under one repository directory, by their path relative to it, '/'-separated, '' for itself. */
export class LocalDirectories {
  readonly root: string;
  readonly #ready = new Map<string, Promise<void>>();
  readonly #seen = new Set<string>(['']);
  readonly #syncs = new Map<string, FolderSync>();

  constructor(root: string) {
    this.root = root;
  }

  /** The absolute path of what is called `name` under the repository. */
  pathOf(name: string): string {
    return join(this.root, name);
  }

  /**
   * Refuses a link in the place of `folder` or of a folder above it, so that nothing is followed out of the
   * repository. Looked at once per folder and process: who can swap folders under us can change the objects too.
   *
   * @throws NotADirectoryError; system errors, ENOENT for an absent folder.
   */
  assertReal(folder: string): void {
    if (this.#seen.has(folder)) return;
    this.assertReal(parentOf(folder));
    const stats = lstatSync(this.pathOf(folder));
    // A plain file leads nowhere: what is asked for below it fails by itself, with ENOTDIR.
    if (stats.isFile()) return;
    if (!stats.isDirectory()) {
      throw new NotADirectoryError(`${folder}/ is not a folder (a link in its place is not followed)`);
    }
    this.#seen.add(folder);
  }

  /** Creates `folder` (0700) and those above it where they are absent, and makes their entries durable. */
  ensure(folder: string): Promise<void> {
    if (folder === '') return Promise.resolve();
    let ready = this.#ready.get(folder);
    if (ready === undefined) {
      ready = this.#make(folder);
      this.#ready.set(folder, ready);
      ready.catch(() => this.#ready.delete(folder));
    }
    return ready;
  }

  /** Forgets that `folder` and those above it exist, after somebody removed one of them. */
  forget(folder: string): void {
    for (let at = folder; at !== ''; at = parentOf(at)) {
      this.#ready.delete(at);
      this.#seen.delete(at);
    }
  }

  /**
   * Makes what was done to the entries of `folder` before this call durable. Calls that arrive while the disk is
   * busy share the next fsync, so a hundred small objects do not cost a hundred.
   */
  sync(folder: string): Promise<void> {
    let sync = this.#syncs.get(folder);
    if (sync === undefined) {
      sync = new FolderSync(this.pathOf(folder));
      this.#syncs.set(folder, sync);
    }
    return sync.request();
  }

  async #make(folder: string): Promise<void> {
    const parent = parentOf(folder);
    await this.ensure(parent);
    await mkdir(this.pathOf(folder), { mode: 0o700 }).catch((error: unknown) => {
      if (systemCode(error) !== 'EEXIST') throw error;
    });
    this.assertReal(folder);
    // Also where it existed: another process may have made it a moment ago and not have come to its fsync.
    await this.sync(parent);
  }
}

/** The folder part of `name`, '' at the top. */
export function parentOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('/')));
}

/** Creates directory `path` and those above it, 0700, and makes their entries durable; existing ones are fine. */
export async function makeDurableDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeDurableDirectory(dirname(path));
    await mkdir(path, { mode: 0o700 });
  }
  await syncDirectory(dirname(path));
}

/** fsync of directory `path`. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some network and FUSE file systems cannot sync a directory; there is nothing more to be had there.
    if (!['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(systemCode(error))) throw error;
  } finally {
    await handle.close();
  }
}

/** One folder's fsyncs: at most one under way and one waiting. */
class FolderSync {
  readonly #path: string;
  #running: Promise<void> | undefined;
  #waiting: Promise<void> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  request(): Promise<void> {
    if (this.#running === undefined) return this.#start();
    // The one under way may have begun before the caller's change; only a later one certainly covers it.
    this.#waiting ??= this.#running.then(
      () => this.#start(),
      () => this.#start(),
    );
    return this.#waiting;
  }

  #start(): Promise<void> {
    this.#waiting = undefined;
    const running = syncDirectory(this.#path).finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }
}
