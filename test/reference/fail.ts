/** Refusals of the reference codec: an error code of spec/errors.md and the clause that demands it. */
import { NbakError, type ErrorCode } from '#nbak/errors.js';

/** Throws the error of `code`, naming the clause. */
export function fail(code: ErrorCode, clause: string, message: string): never {
  throw new NbakError(code, `${clause}: ${message}`);
}

/** Refuses unless `condition` holds. */
export function demand(
  condition: boolean,
  code: ErrorCode,
  clause: string,
  message: string,
): asserts condition {
  if (!condition) fail(code, clause, message);
}
