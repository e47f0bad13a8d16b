/** What a run of the bench leaves: its machine, its programs, and what each suite measured. */

import { availableParallelism, cpus, release, totalmem } from 'node:os';
import type { Row } from './rows.js';
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

/** What matters most comes first; the order of measuring is another. */
const ORDER = ['state', 'growth', 'files', 'million', 'text', 'big', 'start', 'stages', 'profile'];

/** The suites that were measured, in the order in which they are shown. */
export function measuredSuites(report: Report): readonly ({ readonly suite: string } & SuiteResult)[] {
  return report.suites
    .flatMap((suite) => ('failed' in suite ? [] : [suite]))
    .sort((a, b) => ORDER.indexOf(a.suite) - ORDER.indexOf(b.suite));
}

/** All rows, in the order in which they are shown. */
export function rowsOf(report: Report): readonly Row[] {
  return measuredSuites(report).flatMap(({ rows }) => rows);
}

/** The report as JSON, one line for each list of numbers. */
export function reportToJson(report: Report): string {
  const lines = JSON.stringify(report, null, 1);
  return `${lines.replace(/\[[\d.,\s]+\]/g, (list) => list.replace(/\s+/g, ' '))}\n`;
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
