/** Errors of a capture as its callers see them. */
import { NbakError, isNbakError } from '../../errors.js';
import type { ErrorCode } from '../../errors.js';
import { CaptureProcessError } from './child-process.js';
import type { FilePath } from './header.js';

/** Says whether the caller gave up. */
export function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

/** What a caller that gave up is told. */
export function interrupted(): NbakError {
  return new NbakError('INTERRUPTED', 'The capture of databases was interrupted');
}

/** What an error of the capture process means for whoever asked for the database at `path`. */
export function toNbakError(error: unknown, path?: FilePath): Error {
  if (isNbakError(error) || !(error instanceof CaptureProcessError)) return error as Error;
  const name = path === undefined ? 'A database' : `Database ${Buffer.from(path).toString()}`;
  return new NbakError(codeFor(error.code), `${name} could not be copied: ${error.message}`, {
    details: { reason: error.code },
    hint: 'The rest of the backup is not affected.',
    cause: error,
  });
}

function codeFor(sqlite: string): ErrorCode {
  if (/^SQLITE_(BUSY|LOCKED)/.test(sqlite)) return 'DATABASE_LOCKED';
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(sqlite)) return 'DATABASE_DAMAGED';
  return sqlite === 'SQLITE_FULL' ? 'SPACE_INSUFFICIENT' : 'SOURCE_UNREADABLE';
}
