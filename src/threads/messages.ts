/** What a pool and its threads say to each other. */

import { isNbakError, NbakError, type ErrorCode, type ErrorDetails } from '../errors.js';

/** From the pool. */
export interface Asked<Request> {
  readonly id: number;
  readonly request: Request;
}

/** From the pool, as its last message: the thread ends once it has answered what came before. */
export const CLOSE = 'close';

/** An error as it crosses threads: an NbakError's fields, or only a message. */
export interface SentError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: ErrorDetails;
  readonly hint?: string;
}

/** To the pool. */
export type Answer<Response> =
  { readonly id: number; readonly response: Response } | { readonly id: number; readonly error: SentError };

/** Makes an error ready to be sent. */
export function sendableError(error: unknown): SentError {
  if (isNbakError(error)) {
    const { code, message, details, hint } = error;
    return { code, message, details, ...(hint !== undefined && { hint }) };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'INTERNAL', message: `A worker thread failed: ${message}` };
}

/** The error that was sent. */
export function reviveError({ code, message, details, hint }: SentError): NbakError {
  return new NbakError(code, message, { ...(details && { details }), ...(hint !== undefined && { hint }) });
}
