/** Turns what a file system or a storage says into nbak's storage errors. */

import { NbakError, type ErrorCode } from '../errors.js';

/** What was tried, on what, where. */
export interface Attempt {
  /** A verb phrase that completes "Cannot …", such as `write` or `list`. */
  readonly operation: string;
  /** Object or folder name; '' for the storage as a whole. */
  readonly object: string;
  /** The storage's description. */
  readonly storage: string;
}

const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'STORAGE_NOT_FOUND',
  ENOTDIR: 'STORAGE_NOT_FOUND',
  EACCES: 'STORAGE_DENIED',
  EPERM: 'STORAGE_DENIED',
  EROFS: 'STORAGE_DENIED',
  ENOSPC: 'STORAGE_FULL',
  EDQUOT: 'STORAGE_FULL',
};

/** libuv has no name for EDQUOT: these are its numbers on Linux and on macOS and BSD. */
const QUOTA_ERRNOS: readonly unknown[] = [-122, -69];

const REASONS: Readonly<Partial<Record<ErrorCode, readonly [reason: string, hint: string]>>> = {
  STORAGE_NOT_FOUND: ['it does not exist', 'Run `nbak verify` to see what is missing.'],
  STORAGE_EXISTS: ['it exists with other bytes', 'Objects are never overwritten: run `nbak verify`.'],
  STORAGE_DENIED: [
    'access is denied',
    'Check owner, mode and mount of the repository and the user nbak runs as.',
  ],
  STORAGE_FULL: ['no space is left', 'Free space or raise the quota, then run the command again.'],
  STORAGE_FAILED: ['the storage failed', 'Check the disk or the connection, then run the command again.'],
};

/** The error of `attempt` with `code`; `reason` replaces the usual words. */
export function storageError(code: ErrorCode, attempt: Attempt, reason?: string, cause?: unknown): NbakError {
  const [usual, hint] = REASONS[code] ?? ['the storage failed', undefined];
  const { operation, object, storage } = attempt;
  const where = object === '' ? storage : `${object} in ${storage}`;
  return new NbakError(code, `Cannot ${operation} ${where}: ${reason ?? usual}`, {
    details: { operation, object, storage },
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
  });
}

/** `cause` as an NbakError with the code that its system error calls for; an NbakError is returned as it is. */
export function fromSystemError(attempt: Attempt, cause: unknown): Error {
  // TypeErrors and RangeErrors without a system code are bugs of ours and keep their stack.
  if (cause instanceof NbakError || (cause instanceof Error && !('code' in cause))) return cause;
  const system = systemCode(cause);
  const code = CODES[system] ?? 'STORAGE_FAILED';
  return storageError(code, attempt, `${REASONS[code]?.[0] ?? ''} (${system})`, cause);
}

/** The name of a system error such as 'ENOENT', or 'unknown error'. */
export function systemCode(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'unknown error';
  if ('errno' in error && QUOTA_ERRNOS.includes(error.errno)) return 'EDQUOT';
  return 'code' in error && typeof error.code === 'string' ? error.code : 'unknown error';
}

/** Says whether `error` means that nothing has this name: no entry, or a file where the name has a folder. */
export function isAbsence(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(systemCode(error));
}
