/** Against the limit: the whole first backup beside what the bare primitives take on the same bytes in the same run. */

import type { MeasureResult } from '#nbak/measurement/result.js';
import { inUse } from '../application.js';
import { statePlan } from '../corpora/state.js';
import { ratioRow, type Row } from '../rows.js';
import { Round, Runs } from '../runs.js';
import { median, rounded } from '../statistics.js';
import { remove } from '../tools/tool.js';
import type { Suite } from './suite.js';

const name = 'stages';

/** The suite `stages`. */
export const stagesSuite: Suite = {
  name,
  summary: 'the first backup of state against the sum of its primitives, spread over the cores',
  byDefault: true,
  pairs: 3,
  async run(bench) {
    const { nbak } = bench.options.tools;
    const plan = statePlan(bench.options.scale);
    const { facts } = bench.corpus(plan);
    // As in the suite `state`, whose first backup this one is.
    const source = bench.copyOf(plan, 'state');
    const runs = new Runs();
    const round = new Round(0, { tools: [nbak], runs, scale: bench.options.scale });
    const measured: MeasureResult[] = [];
    for (let pair = 0; pair < bench.options.pairs; pair += 1) {
      await nbak.init();
      await round.step('primitives, one after the other', {
        reads: () => source,
        act: async () => {
          const run = await nbak.run('bench', source, '--size', '64GiB');
          measured.push(JSON.parse(run.stdout) as MeasureResult);
          return run;
        },
      });
      await inUse(bench, source, () =>
        round.step('first backup', { reads: () => source, act: (tool) => tool.backup(source) }),
      );
    }
    remove(source);
    const best = measured.map(({ durationMs, threads }) => durationMs / 1000 / threads);
    const whole = runs.seconds('first backup', 'nbak');
    const stages = medianStages(measured);
    return {
      corpora: [facts],
      rows: [
        ...stages.stages.map(({ stage, durationMs, bytesPerSecond }): Row => ({
          suite: name,
          work: `${stage} alone, ${Math.round(bytesPerSecond / 1e6)} MB/s`,
          unit: 's',
          nbak: rounded(durationMs / 1000),
        })),
        ratioRow(
          {
            suite: name,
            work: `first backup, against primitives ÷ ${stages.threads} cores (${median(best).toFixed(2)} s)`,
          },
          {
            unit: 's',
            nbak: median(whole),
            ratio: median(whole.map((seconds, i) => seconds / (best[i] ?? Number.NaN))),
            most: 1.25,
          },
        ),
      ],
      runs: runs.summaries(),
      memory: [],
      stages,
    };
  },
};

/** Each stage's median time; what was measured with is the same each time. */
function medianStages(measured: readonly MeasureResult[]): MeasureResult {
  const [first] = measured;
  if (first === undefined) throw new RangeError('nothing was measured');
  const stages = first.stages.map(({ stage, bytes }, i) => {
    const durationMs = median(measured.map((each) => each.stages[i]?.durationMs ?? Number.NaN));
    return {
      stage,
      bytes,
      durationMs: rounded(durationMs),
      bytesPerSecond: Math.round((bytes * 1000) / durationMs),
    };
  });
  const durationMs = median(measured.map((each) => each.durationMs));
  const bytesPerSecond = Math.round((first.bytes * 1000 * first.threads) / durationMs);
  return { ...first, stages, durationMs: rounded(durationMs), bytesPerSecond };
}
