/** `npm run bench`: nbak against restic and Borg on one machine in one run; see README.md. */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Bench } from './bench.js';
import { drawChart } from './chart.js';
import { parseOptions, USAGE, type Options } from './options.js';
import { describeMachine, reportToJson, type Report, type SuiteReport } from './report.js';
import type { Suite } from './suites/suite.js';
import { formatReport } from './table.js';
import { borgTool } from './tools/borg.js';
import { nbakTool, PROGRAM } from './tools/nbak.js';
import { resticTool } from './tools/restic.js';
import { deleteRemoved, versionOf } from './tools/tool.js';

const RESULTS = fileURLToPath(new URL('../../bench/results/', import.meta.url));

process.exitCode = await main();

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) {
    console.error(USAGE);
    return 2;
  }
  if (options.chart !== undefined) {
    writeChart(JSON.parse(readFileSync(options.chart, 'utf8')) as Report);
    return 0;
  }
  const programs = findPrograms();
  if (programs === undefined) {
    console.error('restic is not installed: run `eval "$(bench/peers.sh)"` first.');
    return 2;
  }
  const report = await measureAll(options, programs);
  if (options.isWhole) {
    mkdirSync(RESULTS, { recursive: true });
    writeFileSync(join(RESULTS, `${report.date.slice(0, 10)}.json`), reportToJson(report));
    writeChart(report);
  }
  console.log(options.json ? JSON.stringify(report) : formatReport(report));
  return report.suites.some((suite) => 'failed' in suite) ? 1 : 0;
}

/** Versions by name; undefined where restic is not installed. */
function findPrograms(): Readonly<Record<string, string>> | undefined {
  const restic = versionOf('restic', 'version');
  const borg = versionOf('borg', '--version');
  const nbak = `nbak ${versionOf(process.execPath, PROGRAM, '--version') ?? ''}`;
  return restic === undefined ? undefined : { nbak, restic, ...(borg !== undefined && { borg }) };
}

async function measureAll(
  { suites, scale, pairs, out }: Options,
  programs: Readonly<Record<string, string>>,
): Promise<Report> {
  const directory = mkdtempSync(join(tmpdir(), 'nbak-bench-'));
  // The programs of this run are of the terminal's process group and are interrupted with it.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      rmSync(directory, { recursive: true, force: true });
      process.exit(130);
    });
  }
  const log = startLog();
  const machine = describeMachine();
  const date = new Date().toISOString();
  const done: SuiteReport[] = [];
  const report: Report = { date, machine, programs, scale, suites: done };
  try {
    const tools = {
      nbak: nbakTool(directory),
      restic: resticTool(directory),
      borg: 'borg' in programs ? borgTool(directory) : undefined,
    };
    const bench = new Bench({ directory, tools, scale, pairs: 1, log });
    for (const suite of suites) {
      done.push(await runSuite(suite, bench.with(pairs ?? suite.pairs)));
      deleteRemoved(directory);
      if (out !== undefined) writeFileSync(out, reportToJson(report));
    }
    return report;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A suite that fails says so in the report; the others go on. */
async function runSuite(suite: Suite, bench: Bench): Promise<SuiteReport> {
  const { pairs, log } = bench.options;
  const startedAt = performance.now();
  const minutes = (): number => Math.round((performance.now() - startedAt) / 6000) / 10;
  log(`${suite.name}: ${suite.summary}`);
  try {
    return { suite: suite.name, pairs, ...(await suite.run(bench)), minutes: minutes() };
  } catch (error) {
    const failed = error instanceof Error ? error.message : String(error);
    log(`${suite.name} failed: ${failed}`);
    return { suite: suite.name, failed, minutes: minutes() };
  }
}

function startLog(): (text: string) => void {
  const startedAt = performance.now();
  return (text) =>
    console.error(`${((performance.now() - startedAt) / 60_000).toFixed(1).padStart(5)} min  ${text}`);
}

function writeChart(report: Report): void {
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, 'latest.svg'), drawChart(report));
}
