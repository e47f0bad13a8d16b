/** In the parent, which holds no locks that closing a file could drop: opens a database that the capture process has pinned. */
import { closeSync, fstatSync, lstatSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { settleMilliseconds } from '../clock.js';
import { openForReading, sidecarPath } from './header.js';
import type { FilePath } from './header.js';
import type { DatabaseImage, LogPages } from './image.js';
import type { PinnedPlace } from './protocol.js';
import { locatePages } from './wal.js';
import type { LogState } from './wal.js';

/** The inodes that SQLite opened: a file may have been replaced by another since. */
export interface OpenedFiles {
  readonly file: string;
  readonly log: string;
}

/** A pinned database, open for reading where it lies. */
export class InPlace implements Disposable {
  readonly image: DatabaseImage;
  readonly #before: string | undefined;

  /** Opens the database at `path`; undefined when its files cannot be read or are not those that are pinned. */
  static async open(path: FilePath, place: PinnedPlace, opened: OpenedFiles): Promise<InPlace | undefined> {
    const size = place.pages * place.pageSize;
    const file = openSame(path, opened.file);
    if (file === undefined) return undefined;
    if (place.log === null) return new InPlace({ size, file }, await settledStat(file));
    const log = openLog(sidecarPath(path, '-wal'), place.log, {
      inode: opened.log,
      pageSize: place.pageSize,
    });
    if (log !== undefined) return new InPlace({ size, file, log });
    closeSync(file);
    return undefined;
  }

  private constructor(image: DatabaseImage, before?: string) {
    this.image = image;
    this.#before = before;
  }

  /** False when the file was written although it alone is the pinned state. Of a log, its index tells. */
  isUntouched(): boolean {
    return (
      this.#before === undefined || this.#before === describe(fstatSync(this.image.file, { bigint: true }))
    );
  }

  [Symbol.dispose](): void {
    closeSync(this.image.file);
    if (this.image.log !== undefined) closeSync(this.image.log.descriptor);
  }
}

/** `device:inode` of the file at a path, '' when there is none. */
export function inodeOf(file: FilePath): string {
  const stat = lstatSync(Buffer.from(file), { throwIfNoEntry: false, bigint: true });
  return stat === undefined ? '' : `${stat.dev}:${stat.ino}`;
}

function openLog(
  file: FilePath,
  state: LogState,
  expected: { readonly inode: string; readonly pageSize: number },
): LogPages | undefined {
  const descriptor = openSame(file, expected.inode);
  if (descriptor === undefined) return undefined;
  let pages: LogPages | undefined;
  try {
    pages = locatePages(descriptor, state, expected.pageSize);
  } catch {
    // A copy through SQLite says what is wrong.
  }
  if (pages === undefined) closeSync(descriptor);
  return pages;
}

function openSame(file: FilePath, inode: string): number | undefined {
  try {
    const descriptor = openForReading(file);
    const { dev, ino } = fstatSync(descriptor, { bigint: true });
    if (`${dev}:${ino}` === inode) return descriptor;
    closeSync(descriptor);
  } catch {
    // The same as another file.
  }
  return undefined;
}

/** What every later write changes; waits a clock tick where the last one is too young. */
async function settledStat(descriptor: number): Promise<string> {
  const { mtimeNs } = fstatSync(descriptor, { bigint: true });
  await sleep(settleMilliseconds(mtimeNs, Date.now()));
  return describe(fstatSync(descriptor, { bigint: true }));
}

function describe({ size, mtimeNs }: BigIntStats): string {
  return `${size} ${mtimeNs}`;
}
