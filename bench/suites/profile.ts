/** What takes the time where a target is missed: the works on state under `perf`, once each. */

import { execFileSync } from 'node:child_process';
import { inUse, settleDatabase } from '../application.js';
import type { Bench } from '../bench.js';
import { assertEqual } from '../compare.js';
import { changeState, statePlan, statePlusOne } from '../corpora/state.js';
import { measure } from '../measure.js';
import { countShares, recorded, SAMPLES_PER_SECOND, SHARES } from '../perf.js';
import type { Row } from '../rows.js';
import { rounded } from '../statistics.js';
import { remove } from '../tools/tool.js';
import { warmUp } from '../warm-up.js';
import type { Suite } from './suite.js';

const name = 'profile';

/** The suite `profile`. */
export const profileSuite: Suite = {
  name,
  summary: 'where the processor time of the works on state goes; needs `perf`',
  byDefault: false,
  pairs: 1,
  async run(bench) {
    assertPerf();
    const { nbak } = bench.options.tools;
    const { scale } = bench.options;
    const plan = statePlan(scale);
    const { facts } = bench.corpus(plan);
    const source = bench.copyOf(plan, 'state');
    const target = bench.path('restored');
    const key = ['--vault-key-file', nbak.keyFile] as const;
    const rows: Row[] = [];
    await nbak.init();
    const backUp = (work: string): Promise<void> =>
      inUse(bench, source, async () => {
        rows.push(...(await profiled(bench, { work, reads: source }, ['backup', source, ...key])));
      });
    await backUp('first backup');
    changeState(source, statePlusOne(scale));
    await backUp('backup of state+1');
    const { repository } = nbak;
    const verify = ['verify', '--public-key', nbak.publicKey()];
    rows.push(...(await profiled(bench, { work: 'verify', reads: repository }, verify)));
    const restore = ['restore', 'latest', '--target', target, '--check', 'none', ...key];
    rows.push(...(await profiled(bench, { work: 'restore', reads: repository }, restore)));
    settleDatabase(target);
    assertEqual(source, target);
    remove(source, target);
    return { corpora: [facts], rows, runs: [], memory: [] };
  },
};

/** One work: its processor time, and what takes at least one percent of it. */
async function profiled(
  bench: Bench,
  { work, reads }: { readonly work: string; readonly reads: string },
  args: readonly string[],
): Promise<readonly Row[]> {
  const { tools, scale } = bench.options;
  const samples = bench.path('perf.data');
  warmUp({ reads, scale });
  await measure(recorded(tools.nbak.command(...args), samples));
  const counts = await countShares(samples);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const row = (what: string, value: number): Row => ({
    suite: name,
    work: `${work}: ${what}`,
    unit: 's',
    nbak: rounded(value),
  });
  return [
    row('processor time', total / SAMPLES_PER_SECOND),
    ...SHARES.map((share) => ({ share, count: counts.get(share) ?? 0 }))
      .filter(({ count }) => count >= total / 100)
      .sort((a, b) => b.count - a.count)
      .map(({ share, count }) =>
        row(`${share}, ${((100 * count) / total).toFixed(0)} %`, count / SAMPLES_PER_SECOND),
      ),
  ];
}

function assertPerf(): void {
  try {
    execFileSync('perf', ['--version'], { stdio: 'ignore' });
  } catch (error) {
    throw new Error('perf is not installed: on Debian it is the package linux-perf', { cause: error });
  }
}
