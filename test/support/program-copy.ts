/** A copy of the built program that another user may read: the checkout itself may lie in a private directory. */

import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The uid and gid of `nobody`. */
export const NOBODY = 65_534;
/** Whether tests can become nobody. */
export const isRoot = process.getuid?.() === 0;

/** What is not in the bundle of the program. */
const MODULES = [
  '@koromix',
  'better-sqlite3/build/Release/better_sqlite3.node',
  'better-sqlite3/lib',
  'better-sqlite3/package.json',
  'bindings',
  'file-uri-to-path',
  'koffi',
  'zstd-napi',
];

/** The copy; dispose of it when it is no longer needed. */
export interface ProgramCopy extends Disposable {
  /** What `nbak` runs. */
  readonly program: string;
}

/** Copies the program and what it needs at run time, all but the estimator that `init` uses. */
export function copyProgram(): ProgramCopy {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const home = mkdtempSync(join(tmpdir(), 'nbak-test-program-'));
  chmodSync(home, 0o755);
  for (const name of ['dist', 'package.json', ...MODULES.map((module) => `node_modules/${module}`)]) {
    mkdirSync(dirname(join(home, name)), { recursive: true });
    cpSync(join(root, name), join(home, name), { recursive: true, dereference: true });
  }
  return {
    program: join(home, 'dist/program/nbak.js'),
    [Symbol.dispose]: () => rmSync(home, { recursive: true, force: true }),
  };
}
