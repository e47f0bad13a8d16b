/** Walks one root in path order, one entry at a time, following no links; and looks at single entries exactly. */
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
import type { BigIntStats, Stats } from 'node:fs';
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
  readonly skipInode?: (device: number, inode: number) => boolean;
}

/**
 * One entry as the walk sees it: numbers only, which cost half as much as exact ones. Times are milliseconds, good to a
 * quarter of a microsecond; {@link lookAt} gives the rest.
 */
export interface SeenEntry {
  readonly path: BytePath;
  readonly kind: EntryKind;
  /** Permission bits with setuid, setgid and sticky (0o7777). */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly inode: number;
  readonly device: number;
  readonly links: number;
}

/**
 * Yields the root itself (path ''), then everything below it in path order (`comparePaths`). Synchronous: measured
 * faster than promises; a caller that awaits between entries keeps the event loop alive. Holds one sorted directory
 * listing per level. What vanishes while the walk goes on is skipped silently, what is denied is reported.
 *
 * @throws NbakError `SOURCE_NOT_FOUND` or `SOURCE_UNREADABLE` when the root itself cannot be read.
 */
export function* walk(root: SourceRoot, options: WalkOptions): Generator<SeenEntry, void, void> {
  const directory = sourcePath(root, '' as BytePath);
  let top: SeenEntry;
  let names: string[];
  try {
    top = toSeen('' as BytePath, lstatSync(directory));
    names = root.only === undefined ? listNames(directory) : [root.only];
  } catch (error) {
    throw rootError(directory, error);
  }
  const walker: Walker = { root, options, device: top.device };
  yield top;
  // A stack of our own: a generator within a generator for each level would pay for each level with each entry.
  const levels: Level[] = [levelOf('', filterCache(walker, '', names))];
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const name = level.names[level.next];
    level.next += 1;
    if (name === undefined) {
      levels.pop();
      continue;
    }
    const path = (level.prefix + name) as BytePath;
    const entry = look(walker, path);
    if (entry === undefined) continue;
    yield entry;
    if (entry.kind !== 'directory') continue;
    if (options.oneFileSystem === true && entry.device !== walker.device) continue;
    const children = attempt(walker, path, () => listNames(sourcePath(root, path)));
    if (children !== undefined) levels.push(levelOf(`${path}/`, filterCache(walker, path, children)));
  }
}

interface Walker {
  readonly root: SourceRoot;
  readonly options: WalkOptions;
  readonly device: number;
}

interface Level {
  readonly prefix: string;
  readonly names: readonly string[];
  next: number;
}

function levelOf(prefix: string, names: readonly string[]): Level {
  return { prefix, names, next: 0 };
}

function look(walker: Walker, path: BytePath): SeenEntry | undefined {
  const { exclude, skipInode, oneFileSystem } = walker.options;
  return attempt(walker, path, () => {
    const stat = lstatSync(quickPath(walker.root, path));
    if (skipInode?.(stat.dev, stat.ino) === true) return undefined;
    if (oneFileSystem === true && stat.dev !== walker.device && !stat.isDirectory()) return undefined;
    if (exclude?.(path, stat.isDirectory()) === true) return undefined;
    return toSeen(path, stat);
  });
}

/**
 * Everything about one entry, exactly.
 *
 * @returns undefined when it is gone.
 * @throws NodeJS.ErrnoException for everything else.
 */
export function lookAt(root: SourceRoot, path: BytePath): SourceEntry | undefined {
  const absolute = sourcePath(root, path);
  try {
    return toEntry(path, absolute, lstatSync(absolute, { bigint: true }));
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** Text where every byte is ASCII and text means the same: a Buffer for each of a million paths costs as much as its lstat. */
function quickPath(root: SourceRoot, path: BytePath): string | Buffer {
  return NOT_ASCII.test(path) || NOT_ASCII.test(root.directory)
    ? sourcePath(root, path)
    : `${root.directory === '/' ? '' : root.directory}/${path}`;
}

const NOT_ASCII = /[\x80-\xff]/;

function isGone(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function attempt<T>(walker: Walker, path: BytePath, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    // Gone, or replaced by something else, since the listing: a live directory does that all the time.
    if (!isGone(error)) {
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
  const names = readdirSync(directory, { encoding: 'latin1' });
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

function toSeen(path: BytePath, stat: Stats): SeenEntry {
  return {
    path,
    kind: kindOf(stat),
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
    size: stat.size,
    mtimeMs: stat.mtimeMs,
    ctimeMs: stat.ctimeMs,
    inode: stat.ino,
    device: stat.dev,
    links: stat.nlink,
  };
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

function kindOf(stat: Stats | BigIntStats): EntryKind {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isFIFO()) return 'fifo';
  if (stat.isSocket()) return 'socket';
  return stat.isBlockDevice() ? 'block-device' : 'character-device';
}
