/** A half-written object of a local storage: a file under tmp/ until it gets its name. */

import { randomBytes } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { link, rename, unlink } from 'node:fs/promises';
import type { AlignedMemory } from './aligned-memory.js';
import { GrowingFile } from './growing-file.js';
import { parentOf, type LocalDirectories } from './local-directories.js';
import { TEMPORARY_PREFIX, type ObjectName } from './object-name.js';
import { systemCode } from './storage-error.js';

/** Errors of link(2) where the file system has no hard links (FAT, some network and FUSE file systems). */
const NO_HARD_LINKS: readonly string[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL'];

/** One file under tmp/. Its methods throw system errors. */
export class TemporaryFile {
  readonly #directories: LocalDirectories;
  readonly #path: string;
  readonly #file: GrowingFile;

  private constructor(directories: LocalDirectories, path: string, file: GrowingFile) {
    this.#directories = directories;
    this.#path = path;
    this.#file = file;
  }

  /** Creates an empty file of mode 0600 under tmp/. */
  static async create(directories: LocalDirectories, memory: AlignedMemory): Promise<TemporaryFile> {
    const name = TEMPORARY_PREFIX + randomBytes(16).toString('hex');
    const path = directories.pathOf(name);
    return remaking(directories, parentOf(name), async () => {
      return new TemporaryFile(directories, path, await GrowingFile.create(path, memory));
    });
  }

  /** Bytes written. */
  get size(): number {
    return this.#file.size;
  }

  /** Appends `bytes`. */
  write(bytes: Uint8Array): Promise<void> {
    return this.#file.append(bytes);
  }

  /**
   * Makes the content durable and gives it the name `name`, unless that is taken. The entry itself is durable
   * after the folder's sync, which is the caller's.
   *
   * @returns false if the name was taken; the file is gone then as well.
   */
  async place(name: ObjectName): Promise<boolean> {
    // Content before name: after a crash a name must never stand for bytes that did not reach the disk.
    await this.#file.sync();
    await this.#file.close();
    const placed = await remaking(this.#directories, parentOf(name), () =>
      this.#link(this.#directories.pathOf(name)),
    );
    await this.remove();
    return placed;
  }

  /** Removes the file under tmp/; an absent one is fine. */
  async remove(): Promise<void> {
    // What cannot be closed or removed is litter that prune removes: no reason to hide an earlier error.
    await this.#file.close().catch(() => undefined);
    await unlink(this.#path).catch(() => undefined);
  }

  async #link(target: string): Promise<boolean> {
    try {
      // link, not rename: rename would replace an object that another process placed a moment ago.
      await link(this.#path, target);
      return true;
    } catch (error) {
      const code = systemCode(error);
      if (code === 'EEXIST') return false;
      if (!NO_HARD_LINKS.includes(code)) throw error;
    }
    // Two processes may both pass this check; names are hashes of content, so both hold the same bytes.
    if (lstatSync(target, { throwIfNoEntry: false }) !== undefined) return false;
    await rename(this.#path, target);
    return true;
  }
}

/** Runs `action` in an ensured `folder`, once more if the folder turns out to have been removed meanwhile. */
async function remaking<T>(
  directories: LocalDirectories,
  folder: string,
  action: () => Promise<T>,
): Promise<T> {
  await directories.ensure(folder);
  try {
    return await action();
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    directories.forget(folder);
    await directories.ensure(folder);
    return action();
  }
}
