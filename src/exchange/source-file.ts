/** Reading a single file of another program: its first bytes, its blocks, what its name says. */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { NbakError } from '../errors.js';
import { fileTime, type FileTime } from '../restore/attributes.js';
import { timestampFromNanoseconds } from '../source/clock.js';
import { assertWanted } from './interruption.js';

const BLOCK_BYTES = 1 << 20;

/** The blocks of a file, each good until the next is asked for, and its times. */
export class SourceFile implements Disposable {
  readonly size: number;
  readonly mtime: FileTime;
  readonly #descriptor: number;
  readonly #path: string;

  /** @throws NbakError `SOURCE_NOT_FOUND`, `SOURCE_UNREADABLE`. */
  constructor(path: string) {
    this.#path = path;
    this.#descriptor = this.#attempt(() => openSync(path, 'r'));
    const { size, mtimeNs } = fstatSync(this.#descriptor, { bigint: true });
    this.size = Number(size);
    this.mtime = fileTime({ mtime: timestampFromNanoseconds(mtimeNs) });
  }

  /** @throws NbakError `SOURCE_UNREADABLE`, `INTERRUPTED`. */
  *blocks(signal?: AbortSignal): Generator<Uint8Array, void, void> {
    const block = Buffer.alloc(BLOCK_BYTES);
    for (let position = 0; ;) {
      const count = this.#attempt(() => readSync(this.#descriptor, block, 0, block.length, position));
      if (count === 0) return;
      assertWanted(signal);
      yield block.subarray(0, count);
      position += count;
    }
  }

  /** The first bytes, fewer where there are fewer. */
  start(length: number): Uint8Array {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(
      0,
      this.#attempt(() => readSync(this.#descriptor, bytes, 0, length, 0)),
    );
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }

  #attempt<T>(run: () => T): T {
    try {
      return run();
    } catch (cause) {
      throw sourceError(this.#path, cause);
    }
  }
}

/** The error for a source that cannot be read. */
export function sourceError(path: string, cause: unknown): NbakError {
  const { code = 'error' } = cause as NodeJS.ErrnoException;
  const isMissing = code === 'ENOENT' || code === 'ENOTDIR';
  return new NbakError(
    isMissing ? 'SOURCE_NOT_FOUND' : 'SOURCE_UNREADABLE',
    isMissing ? `${path} does not exist` : `${path} cannot be read: ${code}`,
    { details: { path, code }, hint: 'Check the path; nothing was imported.', cause },
  );
}

/** Blocks, each good until the next is asked for, as one. */
export function joinBlocks(blocks: Iterable<Uint8Array>): Uint8Array {
  return Buffer.concat(Array.from(blocks, (block) => Buffer.from(block)));
}

const STAMP = /(?<!\d)(\d{4})-?(\d{2})-?(\d{2})[T_-](\d{2})-?(\d{2})-?(\d{2})(?!\d)/;

/**
 * The moment in a file's name, `20260501_123456` or alike; undefined where there is none.
 *
 * @param zone - in which the program that made it counts: names of some are in local time, and do not say of where.
 */
export function timeInName(name: string, zone: 'utc' | 'local'): number | undefined {
  const [year, month, day, hour, minute, second] = STAMP.exec(name)?.slice(1) ?? [];
  if (second === undefined) return undefined;
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone === 'utc' ? 'Z' : ''}`);
  return Number.isNaN(time) ? undefined : time;
}
