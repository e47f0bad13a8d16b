/** Running a program as a whole process: wall time, and the peak memory of its largest process. */

import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** What one run took. */
export interface Measured {
  readonly seconds: number;
  /** Peak resident memory of the largest process, MiB. */
  readonly peakMiB: number;
  readonly stdout: string;
}

const POLL_MS = 20;

/** Runs a program to its end. @throws Error when it does not exit with 0. */
export function measure(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const child = spawn(program, [...args], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    let peakMiB = 0;
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const poll = setInterval(() => (peakMiB = Math.max(peakMiB, largestOf(child.pid ?? 0))), POLL_MS);
    child.on('error', reject);
    child.on('close', (code) => {
      clearInterval(poll);
      const seconds = (performance.now() - startedAt) / 1000;
      if (code === 0) resolve({ seconds, peakMiB, stdout });
      else
        reject(
          new Error(`${program} ${args.join(' ')} ended with ${code ?? 'a signal'}: ${stderr.slice(-2000)}`),
        );
    });
  });
}

/** The peak of a process and its children, the largest of them. */
function largestOf(pid: number): number {
  let largest = peakOf(pid);
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    if (parentOf(name) === pid) largest = Math.max(largest, peakOf(Number(name)));
  }
  return largest;
}

function peakOf(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(statusOf(String(pid)))?.[1] ?? 0) / 1024;
}

function parentOf(pid: string): number {
  return Number(/PPid:\s+(\d+)/.exec(statusOf(pid))?.[1] ?? 0);
}

function statusOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    return '';
  }
}

/** The median of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}
