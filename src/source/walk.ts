/** Walks one root in path order, one entry at a time, following no links. */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  readdirSync,
  readlinkSync,
} from 'node:fs';
import type { BigIntStats } from 'node:fs';
import type { ErrorCode } from '../errors.js';
import type { BytePath } from '../format/path.js';
import { timestampFromNanoseconds } from './clock.js';
import { splitDevice } from './device.js';
import type { EntryKind } from '../format/entry.js';
import type { SourceEntry } from './entry.js';
import { reason, rootError, sourcePath } from './root.js';
import type { SourceRoot } from './root.js';

/** Something of a source that could not be read; the walk went on. */
export interface SourceProblem {
  readonly path: BytePath;
  readonly code: ErrorCode;
  readonly message: string;
}

/** What a walk leaves out, and whom it tells about what it could not read. */
export interface WalkOptions {
  readonly onProblem: (problem: SourceProblem) => void;
  /** True for what is left out; a directory is left out with everything below it. */
  readonly exclude?: (path: BytePath, isDirectory: boolean) => boolean;
  /** Keeps mount points as empty directories and skips other entries of other filesystems. */
  readonly oneFileSystem?: boolean;
  /** Of a directory with a valid CACHEDIR.TAG keeps only the directory and the tag, as restic and Borg do. */
  readonly excludeCaches?: boolean;
  /** True for what is never walked, whatever the rules say: the repository inside its own source. */
  readonly skipInode?: (device: bigint, inode: bigint) => boolean;
}

/**
 * Yields the root itself (path ''), then everything below it in path order (`comparePaths`). Synchronous: measured
 * faster than promises; a caller that awaits between entries keeps the event loop alive. Holds one sorted directory
 * listing per level. What vanishes while the walk goes on is skipped silently, what is denied is reported.
 *
 * @throws NbakError `SOURCE_NOT_FOUND` or `SOURCE_UNREADABLE` when the root itself cannot be read.
 */
export function* walk(root: SourceRoot, options: WalkOptions): Generator<SourceEntry, void, void> {
  const walker: Walker = { root, options, device: 0n };
  const directory = sourcePath(root, '' as BytePath);
  let top: SourceEntry;
  let names: string[];
  try {
    top = toEntry('' as BytePath, directory, lstatSync(directory, { bigint: true }));
    names = root.only === undefined ? listNames(directory) : [root.only];
  } catch (error) {
    throw rootError(directory, error);
  }
  yield top;
  yield* walkNames({ ...walker, device: top.device }, '', filterCache(walker, '', names));
}

interface Walker {
  readonly root: SourceRoot;
  readonly options: WalkOptions;
  readonly device: bigint;
}

function* walkNames(
  walker: Walker,
  parent: string,
  names: readonly string[],
): Generator<SourceEntry, void, void> {
  for (const name of names) {
    const path = (parent === '' ? name : `${parent}/${name}`) as BytePath;
    const entry = look(walker, path);
    if (entry === undefined) continue;
    yield entry;
    if (entry.kind !== 'directory') continue;
    if (walker.options.oneFileSystem === true && entry.device !== walker.device) continue;
    const children = attempt(walker, path, () => listNames(sourcePath(walker.root, path)));
    if (children !== undefined) yield* walkNames(walker, path, filterCache(walker, path, children));
  }
}

function look(walker: Walker, path: BytePath): SourceEntry | undefined {
  const { exclude, skipInode, oneFileSystem } = walker.options;
  const absolute = sourcePath(walker.root, path);
  return attempt(walker, path, () => {
    const stat = lstatSync(absolute, { bigint: true });
    if (skipInode?.(stat.dev, stat.ino) === true) return undefined;
    if (oneFileSystem === true && stat.dev !== walker.device && !stat.isDirectory()) return undefined;
    if (exclude?.(path, stat.isDirectory()) === true) return undefined;
    return toEntry(path, absolute, stat);
  });
}

function attempt<T>(walker: Walker, path: BytePath, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // Gone, or replaced by something else, since the listing: a live directory does that all the time.
    if (code !== 'ENOENT' && code !== 'ENOTDIR') {
      walker.options.onProblem({
        path,
        code: 'SOURCE_UNREADABLE',
        message: `Cannot be read: ${reason(error)}`,
      });
    }
    return undefined;
  }
}

function listNames(directory: Buffer): string[] {
  const names = readdirSync(directory, { encoding: 'buffer' }).map((name) => name.toString('latin1'));
  // UTF-16 order of one-character-per-byte names is byte order.
  return names.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

const CACHE_TAG = 'CACHEDIR.TAG';
const CACHE_SIGNATURE = 'Signature: 8a477f597d28d172789f06886806bc55';

function filterCache(walker: Walker, path: string, names: readonly string[]): readonly string[] {
  if (walker.options.excludeCaches !== true || !names.includes(CACHE_TAG)) return names;
  const tag = (path === '' ? CACHE_TAG : `${path}/${CACHE_TAG}`) as BytePath;
  const tagged = attempt(walker, tag, () => hasSignature(sourcePath(walker.root, tag)));
  return tagged === true ? [CACHE_TAG] : names;
}

function hasSignature(file: Buffer): boolean {
  const stat = lstatSync(file);
  if (!stat.isFile() || stat.size < CACHE_SIGNATURE.length) return false;
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!fstatSync(descriptor).isFile()) return false;
    const start = Buffer.alloc(CACHE_SIGNATURE.length);
    readSync(descriptor, start, 0, start.length, 0);
    return start.toString('latin1') === CACHE_SIGNATURE;
  } finally {
    closeSync(descriptor);
  }
}

function toEntry(path: BytePath, absolute: Buffer, stat: BigIntStats): SourceEntry {
  const kind = kindOf(stat);
  return {
    path,
    kind,
    mode: Number(stat.mode) & 0o7777,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    size: Number(stat.size),
    mtime: timestampFromNanoseconds(stat.mtimeNs),
    ctime: timestampFromNanoseconds(stat.ctimeNs),
    inode: stat.ino,
    device: stat.dev,
    links: Number(stat.nlink),
    ...(kind === 'symlink' && {
      target: readlinkSync(absolute, { encoding: 'buffer' }).toString('latin1') as BytePath,
    }),
    ...((kind === 'character-device' || kind === 'block-device') && { deviceNumber: splitDevice(stat.rdev) }),
  };
}

function kindOf(stat: BigIntStats): EntryKind {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isFIFO()) return 'fifo';
  if (stat.isSocket()) return 'socket';
  return stat.isBlockDevice() ? 'block-device' : 'character-device';
}
