/** Directories that several processes make at once, and places that take none. */

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { makeDirectories } from '#nbak/source/make-directories.js';
import { outcomeOf } from '../support/cli.js';

const MODULE = new URL('../../dist/source/make-directories.js', import.meta.url).href;

function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'nbak-test-directories-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

it('several processes make the same directories at once, and all go on', async () => {
  const base = makeDirectory();
  const script = `import { makeDirectories } from '${MODULE}';
    import { existsSync } from 'node:fs';
    while (!existsSync('${base}/go'));
    for (let i = 0; i < 400; i += 1) makeDirectories('${base}/' + i + '/a/b', 0o700);`;
  const started = [1, 2, 3].map(() =>
    outcomeOf(
      spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] }),
    ),
  );
  setTimeout(() => mkdirSync(join(base, 'go')), 300);
  for (const outcome of await Promise.all(started))
    expect(outcome).toEqual({ exit: 0, stdout: '', stderr: '' });
});

it('makes what is missing with the mode that is asked for, and fails where nothing can be made', () => {
  const base = makeDirectory();
  makeDirectories(join(base, 'a/b'), 0o700);
  expect(statSync(join(base, 'a')).mode & 0o777).toBe(0o700);
  makeDirectories(join(base, 'a/b'), 0o700);
  expect(() => makeDirectories('/proc/absent/x', 0o700)).toThrow('ENOENT');
});
