/** `npm run bench`: nbak against restic and Borg on one machine in one run; see README.md. */

import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Bench } from './bench.js';
import { drawChart } from './chart.js';
import { describeMachine, type Report, type SuiteReport } from './report.js';
import { SUITES } from './suites/index.js';
import type { Suite } from './suites/suite.js';
import { formatReport } from './table.js';
import { borgTool } from './tools/borg.js';
import { nbakTool } from './tools/nbak.js';
import { resticTool } from './tools/restic.js';
import { remove, versionOf } from './tools/tool.js';
import { warmUp } from './warm-up.js';

const RESULTS = fileURLToPath(new URL('../../bench/results/', import.meta.url));
const USAGE = `npm run bench -- [options]
  --suite NAME    only this suite; repeatable: ${SUITES.map(({ name }) => name).join(', ')}
  --scale S       size of the corpora, above 0; 1 is what the targets mean
  --pairs N       paired runs of each work, instead of the suite's own number
  --json          the report as JSON on stdout instead of the table
  --out FILE      writes the report there; a whole run at scale 1 goes to bench/results/ in any case
  --chart FILE    draws bench/results/latest.svg from a report and measures nothing`;

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      suite: { type: 'string', multiple: true },
      scale: { type: 'string', default: '1' },
      pairs: { type: 'string' },
      json: { type: 'boolean', default: false },
      out: { type: 'string' },
      chart: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  if (values.chart !== undefined) {
    writeChart(JSON.parse(readFileSync(values.chart, 'utf8')) as Report);
    return 0;
  }
  const scale = Number(values.scale);
  const pairs = values.pairs === undefined ? undefined : Number(values.pairs);
  const suites = SUITES.filter(({ name, byDefault }) => values.suite?.includes(name) ?? byDefault);
  const unknown = values.suite?.filter((name) => !SUITES.some((suite) => suite.name === name)) ?? [];
  if (
    !(scale > 0 && scale <= 10) ||
    unknown.length > 0 ||
    !(pairs === undefined || (Number.isInteger(pairs) && pairs > 0))
  ) {
    console.error(USAGE);
    return 2;
  }
  const report = await measureAll(suites, scale, pairs);
  if (report === undefined) return 2;
  if (values.out !== undefined) writeReport(values.out, report);
  if (scale === 1 && pairs === undefined && values.suite === undefined) {
    mkdirSync(RESULTS, { recursive: true });
    writeReport(join(RESULTS, `${report.date.slice(0, 10)}.json`), report);
    writeChart(report);
  }
  console.log(values.json ? JSON.stringify(report) : formatReport(report));
  return report.suites.some((suite) => 'failed' in suite) ? 1 : 0;
}

/** @returns undefined where restic is not installed. */
async function measureAll(
  suites: readonly Suite[],
  scale: number,
  pairs: number | undefined,
): Promise<Report | undefined> {
  const restic = versionOf('restic', 'version');
  const borg = versionOf('borg', '--version');
  const nbak = versionOf(
    process.execPath,
    fileURLToPath(new URL('../cli/main.js', import.meta.url)),
    '--version',
  );
  if (restic === undefined) {
    console.error('restic is not installed: run `eval "$(bench/peers.sh)"` first.');
    return undefined;
  }
  const directory = mkdtempSync(join(tmpdir(), 'nbak-bench-'));
  // The programs of this run are of the terminal's process group and are interrupted with it.
  process.once('SIGINT', () => {
    remove(directory);
    process.exit(130);
  });
  const startedAt = performance.now();
  const log = (text: string): void =>
    console.error(`${((performance.now() - startedAt) / 60_000).toFixed(1).padStart(5)} min  ${text}`);
  try {
    log('touching memory that was never touched');
    warmUp();
    const tools = {
      nbak: nbakTool(directory),
      restic: resticTool(directory),
      borg: borg === undefined ? undefined : borgTool(directory),
    };
    const bench = new Bench({ directory, tools, scale, pairs: 1, log });
    const done: SuiteReport[] = [];
    for (const suite of suites) done.push(await runSuite(suite, bench.with(pairs ?? suite.pairs)));
    const programs = { nbak: `nbak ${nbak ?? '?'}`, restic, ...(borg !== undefined && { borg }) };
    return { date: new Date().toISOString(), machine: describeMachine(), programs, scale, suites: done };
  } finally {
    remove(directory);
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

function writeReport(path: string, report: Report): void {
  writeFileSync(path, `${JSON.stringify(report, null, 1)}\n`);
}

function writeChart(report: Report): void {
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, 'latest.svg'), drawChart(report));
}
