/** What a run of the bench leaves: its machine, its programs, and what each suite measured. */

import { availableParallelism, cpus, release, totalmem } from 'node:os';
import type { SuiteResult } from './suites/suite.js';

/** Where it was measured. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
}

/** One suite of a report: what it measured, or why it could not. */
export type SuiteReport = { readonly suite: string; readonly minutes: number } & (
  ({ readonly pairs: number } & SuiteResult) | { readonly failed: string }
);

/** The JSON of a run. */
export interface Report {
  readonly date: string;
  readonly machine: Machine;
  /** Versions by name. */
  readonly programs: Readonly<Record<string, string>>;
  readonly scale: number;
  readonly suites: readonly SuiteReport[];
}

/** This machine. */
export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: `${process.platform} ${release()}`,
    node: process.version,
  };
}
