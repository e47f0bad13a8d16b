/** What becomes of threads that are closed at an awkward moment. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);

it('threads that are closed while they load a native package answer first, and the process lives on', async () => {
  const script = fileURLToPath(new URL('./support/close-while-loading.mjs', import.meta.url));
  // In a process of its own: terminating such a thread ends the whole process.
  const { stdout } = await run(process.execPath, [script]);
  expect(stdout).toBe('24\n');
});
