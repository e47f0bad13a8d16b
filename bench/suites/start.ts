/** Start-up: `--version`, `guard` with nothing to do, and `list` of 1 000 backups, against Node itself. */

import { spawnSync } from 'node:child_process';
import { environmentWith } from '../environment.js';
import { makeManyBackups } from '../many-backups.js';
import { ratioRow } from '../rows.js';
import { median, rounded } from '../statistics.js';
import { PROGRAM } from '../tools/nbak.js';
import type { Suite } from './suite.js';

const name = 'start';
const BACKUPS = 1000;
const ROUNDS = 25;

/** The suite `start`. */
export const startSuite: Suite = {
  name,
  summary: `\`--version\`, \`guard\` and \`list\` of 1 000 backups against \`node -e 0\`, medians of ${ROUNDS}`,
  byDefault: true,
  pairs: ROUNDS,
  async run(bench) {
    const { nbak } = bench.options.tools;
    const backups = Math.max(1, Math.round(BACKUPS * Math.min(1, bench.options.scale)));
    await nbak.init();
    const { repository, keyFile } = nbak;
    makeManyBackups({ repository, keyFile, directory: bench.path(''), count: backups });
    bench.options.log(`${name}: ${backups} backups made`);
    const programs = {
      node: ['-e', '0'],
      version: [PROGRAM, '--version'],
      guard: [
        PROGRAM,
        'guard',
        bench.path('one-file'),
        '--app-version',
        '1',
        '--state-dir',
        bench.path('state'),
      ],
      list: [PROGRAM, 'list', '--json', '--public-key', nbak.publicKey()],
    };
    const times = {
      node: [] as number[],
      version: [] as number[],
      guard: [] as number[],
      list: [] as number[],
    };
    // The first round only warms up what all of them read, and lets guard record its version.
    for (let round = 0; round <= bench.options.pairs; round += 1) {
      for (const what of ['node', 'version', 'guard', 'list'] as const) {
        const { ms, stdout } = run(programs[what], nbak.environment);
        if (what === 'list') assertListed(stdout, backups);
        if (round > 0) times[what].push(ms);
      }
    }
    const node = median(times.node);
    const row = (work: string, values: readonly number[], most: number): ReturnType<typeof ratioRow> =>
      ratioRow(
        { suite: name, work: `${work}, against node -e 0 (${node.toFixed(0)} ms)` },
        { unit: 'ms', nbak: median(values), ratio: median(values) / node, most },
      );
    return {
      corpora: [],
      rows: [
        row('--version', times.version, 1.4),
        row('guard with nothing to do', times.guard, 2),
        row(`list of ${backups} backups`, times.list, 4),
      ],
      runs: [
        { work: '--version', tool: 'nbak', seconds: inSeconds(times.version), peakMiB: 0, bytes: 0 },
        { work: 'guard', tool: 'nbak', seconds: inSeconds(times.guard), peakMiB: 0, bytes: 0 },
        { work: 'list', tool: 'nbak', seconds: inSeconds(times.list), peakMiB: 0, bytes: 0 },
      ],
      memory: [],
    };
  },
};

function run(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): { readonly ms: number; readonly stdout: string } {
  const startedAt = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    env: environmentWith(environment),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  const ms = performance.now() - startedAt;
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status ?? 'a signal'}: ${stderr}`);
  return { ms, stdout };
}

function assertListed(stdout: string, backups: number): void {
  const { length } = (JSON.parse(stdout) as { readonly backups: readonly unknown[] }).backups;
  if (length !== backups) throw new Error(`list shows ${length} backups of ${backups}`);
}

function inSeconds(milliseconds: readonly number[]): readonly number[] {
  return milliseconds.map((ms) => rounded(ms / 1000));
}
