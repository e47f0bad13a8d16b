/** What a walk saw, held compactly: 90 bytes and the path for each entry, so that a million fit in memory. */

import { ENTRY_KINDS } from '../format/entry.js';
import type { BytePath } from '../format/path.js';
import type { SeenEntry } from '../source/entry.js';

const FIELDS = 11;
/**
 * Entries whose numbers lie in one array: growing never copies what is there. So few that a second array is made before
 * V8 compiles what adds entries; else it would have to compile it twice.
 */
const BLOCK = 256;

/** The entries of one root in path order. */
export class Listing {
  readonly #paths: BytePath[] = [];
  readonly #blocks: Float64Array[] = [];

  /** How many entries there are. */
  get length(): number {
    return this.#paths.length;
  }

  /**
   * Adds the next entry.
   *
   * @param hardLink - the number of its hard-link group, 0 for none.
   */
  add(entry: SeenEntry, hardLink: number): void {
    const index = this.#paths.length;
    this.#paths.push(entry.path);
    if (index % BLOCK === 0) this.#blocks.push(new Float64Array(FIELDS * BLOCK));
    const block = this.#blocks[Math.floor(index / BLOCK)];
    if (block === undefined) throw new RangeError('a listing lost a block');
    const at = FIELDS * (index % BLOCK);
    block[at] = ENTRY_KINDS.indexOf(entry.kind);
    block[at + 1] = entry.mode;
    block[at + 2] = entry.uid;
    block[at + 3] = entry.gid;
    block[at + 4] = entry.size;
    block[at + 5] = entry.mtimeMs;
    block[at + 6] = entry.ctimeMs;
    block[at + 7] = entry.inode;
    block[at + 8] = entry.device;
    block[at + 9] = entry.links;
    block[at + 10] = hardLink;
  }

  path(index: number): BytePath {
    const path = this.#paths[index];
    if (path === undefined) throw new RangeError(`no entry ${index} in a listing of ${this.length}`);
    return path;
  }

  /** The entry as the walk saw it. */
  entry(index: number): SeenEntry {
    return {
      path: this.path(index),
      kind: ENTRY_KINDS[this.#number(index, 0)] ?? 'file',
      mode: this.#number(index, 1),
      uid: this.#number(index, 2),
      gid: this.#number(index, 3),
      size: this.#number(index, 4),
      mtimeMs: this.#number(index, 5),
      ctimeMs: this.#number(index, 6),
      inode: this.#number(index, 7),
      device: this.#number(index, 8),
      links: this.#number(index, 9),
    };
  }

  size(index: number): number {
    return this.#number(index, 4);
  }

  isFile(index: number): boolean {
    return this.#number(index, 0) === FILE;
  }

  /** The hard-link group, undefined for none. */
  hardLink(index: number): number | undefined {
    const group = this.#number(index, 10);
    return group === 0 ? undefined : group;
  }

  /** Everything that the walk saw of the entries from `from` to before `to`, as bytes to compare or to hash. */
  *bytesOf(from: number, to: number): Generator<Uint8Array, void, void> {
    yield Buffer.from(this.#paths.slice(from, to).join('\0'), 'latin1');
    for (let start = from; start < to;) {
      const block = this.#blocks[Math.floor(start / BLOCK)];
      if (block === undefined) throw new RangeError('a listing lost a block');
      const end = Math.min(to, start - (start % BLOCK) + BLOCK);
      const at = FIELDS * (start % BLOCK);
      const numbers = block.subarray(at, at + FIELDS * (end - start));
      yield new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
      start = end;
    }
  }

  #number(index: number, field: number): number {
    return this.#blocks[Math.floor(index / BLOCK)]?.[FIELDS * (index % BLOCK) + field] ?? 0;
  }
}

const FILE = ENTRY_KINDS.indexOf('file');

/** Numbers the groups of files that share an inode, in the order in which they are met. */
export class HardLinkGroups {
  readonly #groups = new Map<string, number>();

  /** The number of an entry's group, 0 for none. */
  of({ kind, links, device, inode }: SeenEntry): number {
    if (kind !== 'file' || links < 2) return 0;
    const key = `${device}:${inode}`;
    const group = this.#groups.get(key) ?? this.#groups.size + 1;
    this.#groups.set(key, group);
    return group;
  }
}
