/** Packs as readers reach them: open files where the storage has files, else ranges of bytes. */

import { isNbakError } from '../errors.js';
import type { PackId } from '../format/ids.js';
import type { ObjectFile, Storage } from '../storage/storage.js';
import { packName } from './object-names.js';

/** Bytes of a pack: where they lie in an open file of this process, or themselves. */
export type PackBytes =
  { readonly descriptor: number; readonly offset: number } | { readonly bytes: Uint8Array };

/** Bytes of a pack, and the end of their use. */
export interface HeldBytes {
  readonly from: PackBytes;
  /** Call it once, when no thread reads any more. */
  readonly release: () => void;
}

interface KeptFile {
  readonly opening: Promise<ObjectFile>;
  users: number;
}

/** Files that are kept open between uses. */
const MOST_IDLE = 32;

/** Reads packs of one storage. */
export class PackFiles {
  readonly #storage: Storage;
  readonly #kept = new Map<PackId, KeptFile>();

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /**
   * Makes `length` bytes of a pack available to any thread.
   *
   * @returns undefined when the pack is missing or, as far as is known before reading, too short.
   * @throws NbakError a STORAGE code.
   */
  async hold(pack: PackId, offset: number, length: number): Promise<HeldBytes | undefined> {
    try {
      if (this.#storage.openFile === undefined) {
        const bytes = await this.#storage.get(packName(pack), { offset, length });
        return bytes.length === length ? { from: { bytes }, release: () => undefined } : undefined;
      }
      return await this.#holdFile(pack, offset, length);
    } catch (error) {
      if (isNbakError(error, 'STORAGE_NOT_FOUND')) return undefined;
      throw error;
    }
  }

  /** Closes every file; nothing may be held any more. */
  async close(): Promise<void> {
    const kept = [...this.#kept.values()];
    this.#kept.clear();
    for (const { opening } of kept) (await opening).close();
  }

  async #holdFile(pack: PackId, offset: number, length: number): Promise<HeldBytes | undefined> {
    const kept = this.#kept.get(pack) ?? this.#open(pack);
    kept.users += 1;
    const release = (): void => {
      kept.users -= 1;
      this.#closeIdle();
    };
    try {
      const { descriptor, size } = await kept.opening;
      if (offset + length <= size) return { from: { descriptor, offset }, release };
    } catch (error) {
      this.#kept.delete(pack);
      throw error;
    }
    release();
    return undefined;
  }

  #open(pack: PackId): KeptFile {
    const opening = this.#storage.openFile?.(packName(pack)) ?? Promise.reject(new TypeError('no files'));
    const kept: KeptFile = { opening, users: 0 };
    this.#kept.set(pack, kept);
    return kept;
  }

  /** A descriptor that a thread reads must stay open: its number may be another file's next. */
  #closeIdle(): void {
    if (this.#kept.size <= MOST_IDLE) return;
    for (const [pack, { users, opening }] of this.#kept) {
      if (users > 0) continue;
      this.#kept.delete(pack);
      void opening.then((file) => file.close());
      return;
    }
  }
}
