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
import type { BigIntStats } from 'node:fs';
import type { ErrorCode } from '../errors.js';
import type { BytePath } from '../format/path.js';
import { timestampFromNanoseconds } from './clock.js';
import { splitDevice } from './device.js';
import { DirectoryHandle } from './directory-handle.js';
import { kindOf, seenEntry, type SeenEntry, type SourceEntry } from './entry.js';
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
  /** True for what alone is looked at; everything above it must be. */
  readonly among?: (path: BytePath) => boolean;
  /** True for what is never walked, whatever the rules say: the repository inside its own source. */
  readonly skipInode?: (device: number, inode: number) => boolean;
}

/**
 * Yields the root itself (path ''), then everything below it in path order (`comparePaths`). Synchronous: measured
 * faster than promises; a caller that awaits between entries keeps the event loop alive. Holds one sorted directory
 * listing per level, and in large trees its directory open. What vanishes while the walk goes on is skipped silently,
 * what is denied is reported.
 *
 * @throws NbakError `SOURCE_NOT_FOUND` or `SOURCE_UNREADABLE` when the root itself cannot be read.
 */
export function* walk(root: SourceRoot, options: WalkOptions): Generator<SeenEntry, void, void> {
  const directory = sourcePath(root, '' as BytePath);
  let top: SeenEntry;
  let names: string[];
  try {
    top = seenEntry('' as BytePath, lstatSync(directory));
    names = root.only === undefined ? listNames(directory) : [root.only];
  } catch (error) {
    throw rootError(directory, error);
  }
  const walker: Walker = { root, options, device: top.device, met: 0 };
  yield top;
  // A stack of our own: a generator within a generator for each level would pay for each level with each entry.
  const levels: Level[] = [];
  try {
    levels.push(levelOf(walker, '' as BytePath, { names, depth: 0 }));
    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      const name = level.names[level.next];
      level.next += 1;
      if (name === undefined) {
        levels.pop()?.handle?.close();
        continue;
      }
      const path = (level.prefix + name) as BytePath;
      const entry = look(walker, level, { name, path });
      if (entry === undefined) continue;
      yield entry;
      if (entry.kind !== 'directory') continue;
      if (options.oneFileSystem === true && entry.device !== walker.device) continue;
      const children = attempt(walker, path, () => listNames(sourcePath(root, path)));
      if (children !== undefined)
        levels.push(levelOf(walker, path, { names: children, depth: levels.length }));
    }
  } finally {
    for (const { handle } of levels) handle?.close();
  }
}

interface Walker {
  readonly root: SourceRoot;
  readonly options: WalkOptions;
  readonly device: number;
  /** Names that were listed so far. */
  met: number;
}

interface Level {
  readonly prefix: string;
  readonly names: readonly string[];
  readonly handle: DirectoryHandle | undefined;
  next: number;
}

/** Names from which on handles pay: what makes their calls takes some milliseconds to load. */
const WORTH_HANDLES = 200;
/** Levels that are held open: a process has few descriptors, and whoever reads files meanwhile needs them. */
const MOST_HANDLES = 32;

function levelOf(
  walker: Walker,
  path: BytePath,
  { names, depth }: { readonly names: readonly string[]; readonly depth: number },
): Level {
  const prefix = path === '' ? '' : `${path}/`;
  const { among } = walker.options;
  const uncached = filterCache(walker, path, names);
  const kept = among ? uncached.filter((name) => among((prefix + name) as BytePath)) : uncached;
  walker.met += kept.length;
  const handle =
    walker.met < WORTH_HANDLES || depth >= MOST_HANDLES
      ? undefined
      : DirectoryHandle.open(sourcePath(walker.root, path));
  return { prefix, names: kept, handle, next: 0 };
}

function look(
  walker: Walker,
  { handle }: Level,
  { name, path }: { readonly name: string; readonly path: BytePath },
): SeenEntry | undefined {
  const { exclude, skipInode, oneFileSystem } = walker.options;
  return attempt(walker, path, () => {
    const entry =
      (NOT_ASCII.test(name) ? undefined : handle?.see(name, path)) ?? seeByPath(walker.root, path);
    const isDirectory = entry.kind === 'directory';
    if (skipInode?.(entry.device, entry.inode) === true) return undefined;
    if (oneFileSystem === true && entry.device !== walker.device && !isDirectory) return undefined;
    if (exclude?.(path, isDirectory) === true) return undefined;
    return entry;
  });
}

function seeByPath(root: SourceRoot, path: BytePath): SeenEntry {
  return seenEntry(path, lstatSync(quickPath(root, path)));
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

function toEntry(path: BytePath, absolute: Buffer, stat: BigIntStats): SourceEntry {
  const kind = kindOf(Number(stat.mode));
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
