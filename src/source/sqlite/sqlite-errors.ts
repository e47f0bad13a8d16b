/** What SQLite's error codes mean for a capture. */
import type { OpenOutcome } from './protocol.js';

/** The outcome for a database whose opening or pinning threw `error`. */
export function classifyError(error: unknown): Exclude<OpenOutcome, 'open'> {
  const code = sqliteCode(error);
  if (/^SQLITE_(BUSY|LOCKED|PROTOCOL)/.test(code)) return 'busy';
  // A hot journal, a log that needs recovery, a sidecar that would have to be made, a path SQLite finds too long.
  if (/^SQLITE_(READONLY|CANTOPEN)/.test(code)) return 'copy';
  if (/^SQLITE_(CORRUPT|NOTADB|ERROR|FORMAT)/.test(code)) return 'damaged';
  return 'unreadable';
}

/** True when a check failed only because this machine lacks something that the application has. */
export function isMissingFeature(message: string): boolean {
  return /no such (collation sequence|module|function|tokenizer)|unknown (function|tokenizer)/i.test(message);
}

/** SQLite's extended result code by name, '' for errors of other kinds. */
export function sqliteCode(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : '';
}
