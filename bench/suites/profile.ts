/** What takes the time where a target is missed: the works on state under `perf`, once each. */

import { inUse, settleDatabase } from '../application.js';
import { assertEqual } from '../compare.js';
import { changeState, statePlan, statePlusOne } from '../corpora/state.js';
import { measure } from '../measure.js';
import { countShares, recorded, SAMPLES_PER_SECOND, type Share } from '../perf.js';
import type { Row } from '../rows.js';
import { rounded } from '../statistics.js';
import { nbakTool } from '../tools/nbak.js';
import { remove, versionOf } from '../tools/tool.js';
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
    if (versionOf('perf', '--version') === undefined)
      throw new Error('perf is not installed: on Debian it is the package linux-perf');
    const { scale, directory } = bench.options;
    const samples = bench.path('perf.data');
    const nbak = nbakTool(directory, (command) => measure(recorded(command, samples)));
    const plan = statePlan(scale);
    const { facts } = bench.corpus(plan);
    const source = bench.copyOf(plan, 'state');
    const target = bench.path('restored');
    const rows: Row[] = [];
    await nbak.init();
    const profile = async (work: string, reads: string, run: () => Promise<unknown>): Promise<void> => {
      warmUp({ reads, scale });
      await run();
      rows.push(...rowsOf(work, await countShares(samples)));
    };
    const backUp = (work: string): Promise<void> =>
      inUse(bench, source, () => profile(work, source, () => nbak.backup(source)));
    await backUp('first backup');
    changeState(source, statePlusOne(scale));
    await backUp('backup of state+1');
    const { repository } = nbak;
    await profile('verify', repository, () => nbak.verify());
    await profile('restore', repository, () => nbak.restore(target));
    settleDatabase(target);
    assertEqual(source, target);
    remove(source, target);
    return { corpora: [facts], rows, runs: [], memory: [] };
  },
};

/** One work: its processor time, and what takes at least one percent of it. */
function rowsOf(work: string, counts: ReadonlyMap<Share, number>): readonly Row[] {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const row = (what: string, samples: number): Row => ({
    suite: name,
    work: `${work}: ${what}`,
    unit: 's',
    nbak: rounded(samples / SAMPLES_PER_SECOND),
  });
  return [
    row('processor time', total),
    ...[...counts]
      .filter(([, count]) => count >= total / 100)
      .sort(([, a], [, b]) => b - a)
      .map(([share, count]) => row(`${share}, ${((100 * count) / total).toFixed(0)} %`, count)),
  ];
}
