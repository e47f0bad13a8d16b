/**
 * The one error family of nbak. `ERROR_CODES` is the closed list; spec/errors.md says the same in prose and
 * a test compares the two. Rules: bad input and broken data are {@link NbakError}; misuse by the programmer
 * is a TypeError or RangeError; neither secrets nor plaintext ever enter a message or `details`.
 */

/** Exit status of the program and HTTP status of a server for each code (DESIGN §10, spec/errors.md). */
export const ERROR_CODES = {
  INTERNAL: { exit: 1, http: 500 },
  USAGE_INVALID: { exit: 2, http: 400 },
  INTERRUPTED: { exit: 130, http: 499 },

  REPOSITORY_NOT_FOUND: { exit: 10, http: 404 },
  REPOSITORY_EXISTS: { exit: 1, http: 409 },
  REPOSITORY_BUSY: { exit: 11, http: 423 },

  KEY_MISSING: { exit: 12, http: 401 },
  KEY_MALFORMED: { exit: 12, http: 401 },
  KEY_WRONG: { exit: 12, http: 401 },
  ENCRYPTION_REQUIRED: { exit: 2, http: 400 },
  KEY_GUESSABLE: { exit: 2, http: 400 },
  PUBLIC_KEY_MISSING: { exit: 12, http: 401 },
  PUBLIC_KEY_MALFORMED: { exit: 12, http: 401 },

  FORMAT_NEWER: { exit: 13, http: 422 },
  FORMAT_INVALID: { exit: 20, http: 422 },
  LIMIT_EXCEEDED: { exit: 20, http: 422 },
  OBJECT_CORRUPT: { exit: 20, http: 422 },
  OBJECT_MISSING: { exit: 20, http: 422 },

  SIGNATURE_INVALID: { exit: 21, http: 422 },
  SIGNER_UNKNOWN: { exit: 21, http: 422 },
  BLOB_TAMPERED: { exit: 21, http: 422 },
  CONTENT_TAMPERED: { exit: 21, http: 422 },
  REFERENCE_TAMPERED: { exit: 21, http: 422 },
  PATH_UNSAFE: { exit: 21, http: 422 },
  OBJECT_UNEXPECTED: { exit: 21, http: 422 },

  PARENT_MISSING: { exit: 22, http: 422 },
  TAKEN_BACK: { exit: 22, http: 422 },
  STALE: { exit: 22, http: 422 },

  BACKUP_NOT_FOUND: { exit: 1, http: 404 },
  BACKUP_AMBIGUOUS: { exit: 2, http: 409 },
  PATH_NOT_FOUND: { exit: 1, http: 404 },

  SOURCE_NOT_FOUND: { exit: 1, http: 404 },
  SOURCE_UNREADABLE: { exit: 3, http: 422 },
  SOURCE_TORN: { exit: 3, http: 422 },
  DATABASE_LOCKED: { exit: 3, http: 423 },
  DATABASE_DAMAGED: { exit: 3, http: 422 },
  DATABASE_CHECK_FAILED: { exit: 20, http: 422 },

  TARGET_NOT_EMPTY: { exit: 1, http: 409 },
  TARGET_FAILED: { exit: 1, http: 500 },
  TARGET_IN_USE: { exit: 11, http: 423 },
  TARGET_CONFLICT: { exit: 1, http: 409 },
  RESTORE_UNFINISHED: { exit: 1, http: 409 },
  SPACE_INSUFFICIENT: { exit: 1, http: 507 },

  STATE_FAILED: { exit: 1, http: 500 },
  APP_KEY_NOT_FOUND: { exit: 1, http: 404 },
  APP_KEY_MALFORMED: { exit: 1, http: 422 },
  APP_KEY_NOT_ROTATABLE: { exit: 1, http: 409 },
  TOKEN_DEAD: { exit: 20, http: 422 },

  STORAGE_NOT_FOUND: { exit: 20, http: 404 },
  STORAGE_EXISTS: { exit: 1, http: 409 },
  STORAGE_DENIED: { exit: 1, http: 403 },
  STORAGE_FULL: { exit: 1, http: 507 },
  STORAGE_FAILED: { exit: 1, http: 502 },
} as const satisfies Record<string, { readonly exit: number; readonly http: number }>;

/** A code of the closed list. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** Facts that are safe to print and to send: never keys, never content. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

/** What an {@link NbakError} may carry besides its code and message. */
export interface ErrorOptions {
  readonly details?: ErrorDetails;
  /** What the user can do next, one sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/**
 * An expected failure: what failed, on what, what was expected, and what to do next.
 *
 * @example
 * ```ts
 * import { NbakError } from 'nbak';
 *
 * const error = new NbakError('OBJECT_MISSING', 'Pack ab12 is missing', { details: { object: 'packs/ab/ab12' } });
 * console.assert(error.exitCode === 20);
 * ```
 */
export class NbakError extends Error {
  override readonly name = 'NbakError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    this.hint = options.hint;
  }

  /** The process exit status of spec/errors.md. */
  get exitCode(): number {
    return ERROR_CODES[this.code].exit;
  }
}

/**
 * Says whether `error` is an {@link NbakError}, of one of `codes` where codes are given.
 *
 * @example
 * ```ts
 * import { isNbakError, openLocalStorage } from 'nbak';
 *
 * try {
 *   await openLocalStorage('/no/such/repository', { mode: 'existing' });
 * } catch (error) {
 *   if (!isNbakError(error, 'REPOSITORY_NOT_FOUND')) throw error;
 *   console.log(error.hint);
 * }
 * ```
 */
export function isNbakError(error: unknown, ...codes: readonly ErrorCode[]): error is NbakError {
  return error instanceof NbakError && (codes.length === 0 || codes.includes(error.code));
}
