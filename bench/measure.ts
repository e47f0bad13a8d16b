/** Running a program as a whole process: wall time, and the peak memory of its largest process. */

import { spawn } from 'node:child_process';
import { environmentWith } from './environment.js';
import { MemoryWatch } from './memory.js';

/** What one run took. */
export interface Measured {
  readonly seconds: number;
  /** Peak resident memory of the largest process, MiB. */
  readonly peakMiB: number;
  readonly stdout: string;
}

/** How a program is started. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** Added to what every program gets. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
}

/** Runs a program to its end. @throws Error when it does not exit with 0. */
export function measure({ program, args, environment, directory }: Command): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const child = spawn(program, [...args], {
      cwd: directory,
      env: environmentWith(environment),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.on('error', reject);
    const memory = new MemoryWatch(child.pid ?? process.pid);
    let seconds = 0;
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('exit', () => (seconds = (performance.now() - startedAt) / 1000));
    child.on('close', (code) => {
      const peakMiB = memory.stop();
      if (code === 0) resolve({ seconds, peakMiB, stdout });
      else {
        const how = `${program} ${args.join(' ')} ended with ${code ?? 'a signal'}`;
        reject(new Error(`${how}: ${stderr.slice(-2000)}${stdout.slice(-2000)}`));
      }
    });
  });
}
