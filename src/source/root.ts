/** What a SOURCE argument names: the directory that is walked, and one name of it where a file was given. */
import { lstatSync, realpathSync } from 'node:fs';
import { NbakError } from '../errors.js';
import type { BytePath } from '../format/path.js';

/** A root ready to be walked. */
export interface SourceRoot {
  /** Absolute path of the directory, without links, one character per byte; '/' for the filesystem's root. */
  readonly directory: string;
  /** When a single file was given: its name, the only child that is walked. */
  readonly only?: string;
}

/**
 * Resolves a SOURCE argument once. A symbolic link given as root is followed, here and nowhere else. A root that is
 * a single file (or any other non-directory) becomes its parent directory with only that name in it, so that every
 * entry of a backup has a directory as its root.
 *
 * @throws NbakError `SOURCE_NOT_FOUND` when nothing is there, `SOURCE_UNREADABLE` when it may not be looked at.
 */
export function resolveRoot(source: string | Uint8Array): SourceRoot {
  const given = typeof source === 'string' ? source : Buffer.from(source);
  let real: Buffer;
  try {
    real = realpathSync.native(given, { encoding: 'buffer' });
  } catch (error) {
    throw rootError(given, error);
  }
  const directory = real.toString('latin1');
  if (lstatSync(real).isDirectory()) return { directory };
  const slash = directory.lastIndexOf('/');
  return { directory: directory.slice(0, slash) || '/', only: directory.slice(slash + 1) };
}

/** The absolute path of `path` below `root`, as bytes for calls of `node:fs`. */
export function sourcePath(root: SourceRoot, path: BytePath): Buffer {
  if (path === '') return Buffer.from(root.directory, 'latin1');
  return Buffer.from(root.directory === '/' ? `/${path}` : `${root.directory}/${path}`, 'latin1');
}

/** The path below `root` of an absolute path (one character per byte); undefined where that leads elsewhere. */
export function pathBelow(root: SourceRoot, absolute: string): BytePath | undefined {
  const above = root.directory === '/' ? '/' : `${root.directory}/`;
  return absolute.startsWith(above) ? (absolute.slice(above.length) as BytePath) : undefined;
}

/** The error for a root that cannot be walked at all. */
export function rootError(given: string | Uint8Array, error: unknown): NbakError {
  const text = typeof given === 'string' ? given : Buffer.from(given).toString();
  const missing = ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
  return missing
    ? new NbakError('SOURCE_NOT_FOUND', `Source ${text} does not exist`, {
        details: { path: text },
        hint: 'Check the path; nothing was backed up.',
        cause: error,
      })
    : new NbakError('SOURCE_UNREADABLE', `Source ${text} cannot be read: ${reason(error)}`, {
        details: { path: text },
        hint: 'Run as a user who may read it.',
        cause: error,
      });
}

/** The short reason of a failed filesystem call, such as `EACCES`, without the path that Node repeats. */
export function reason(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
