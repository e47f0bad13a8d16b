/** Writes secrets to files: readable by their owner alone, and never over anything. */

import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { NbakError } from '../errors.js';

/**
 * Writes a new file, mode 0600.
 *
 * @param what - what it is, for people: `the vault key`.
 * @throws NbakError `TARGET_FAILED`.
 */
export function writePrivateFile(file: string, text: string, what: string): void {
  try {
    const descriptor = openSync(file, 'wx', 0o600);
    try {
      writeSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (cause) {
    const { code = 'error' } = cause as NodeJS.ErrnoException;
    throw new NbakError(
      'TARGET_FAILED',
      `Cannot write ${what} to ${file}: ${code === 'EEXIST' ? 'it exists' : code}`,
      {
        details: { file, code },
        hint:
          code === 'EEXIST'
            ? 'A key is never written over a file; choose another name.'
            : 'Check the directory.',
        cause,
      },
    );
  }
}
