/** Runs a capture as uid 65534, from a copy of the program that this user may read. */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const NOBODY = 65_534;

/** What capture.mjs prints. */
export interface CaptureReport {
  readonly cut: string;
  readonly results: readonly { path: string; outcome: string; message?: string; facts?: { check: string } }[];
}

/** A copy of the built program and of the modules it needs, in a directory that everybody may read. */
export interface ProgramCopy extends Disposable {
  /** Captures `paths` as uid and gid 65534; copies go to `out`. */
  capture(staging: string, out: string, paths: readonly string[]): CaptureReport;
}

export function copyProgram(): ProgramCopy {
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const home = mkdtempSync(join(tmpdir(), 'nbak-test-program-'));
  chmodSync(home, 0o755);
  const modules = [
    'better-sqlite3/build/Release/better_sqlite3.node',
    'better-sqlite3/lib',
    'bindings',
    'file-uri-to-path',
  ];
  for (const name of [...modules, 'better-sqlite3/package.json'].map((module) => `node_modules/${module}`)) {
    mkdirSync(dirname(join(home, name)), { recursive: true });
    cpSync(join(root, name), join(home, name), { recursive: true });
  }
  for (const name of ['dist', 'package.json'])
    cpSync(join(root, name), join(home, name), { recursive: true });
  cpSync(fileURLToPath(new URL('./capture.mjs', import.meta.url)), join(home, 'capture.mjs'));
  return {
    capture: (staging, out, paths) => {
      const args = [join(home, 'capture.mjs'), join(home, 'dist'), staging, out, ...paths];
      const run = spawnSync(process.execPath, args, { uid: NOBODY, gid: NOBODY, cwd: '/', encoding: 'utf8' });
      if (run.status !== 0) throw new Error(run.stderr);
      return JSON.parse(run.stdout) as CaptureReport;
    },
    [Symbol.dispose]: () => rmSync(home, { recursive: true, force: true }),
  };
}
