/** The state of an assistant: first, unchanged and changed backup, verification, restore. */

import { inUse, settleDatabase } from '../application.js';
import type { Bench } from '../bench.js';
import { assertEqual } from '../compare.js';
import { checkCorpus, type CorpusFacts } from '../corpora/corpus.js';
import { changeState, statePlan, statePlusOne } from '../corpora/state.js';
import { bytesRow, memoryPoint, memoryRow, timeRow } from '../rows.js';
import { playRounds, type Round } from '../runs.js';
import { remove, type Tool } from '../tools/tool.js';
import type { Suite, SuiteResult } from './suite.js';

const name = 'state';

/** The suite `state`. */
export const stateSuite: Suite = {
  name,
  summary: '1.5 GB: a database of 0.9 GB, uploads, 20 000 notes; and 1 % later',
  byDefault: true,
  pairs: 5,
  async run(bench): Promise<SuiteResult> {
    const { scale } = bench.options;
    const plan = statePlan(scale);
    const { facts } = bench.corpus(plan);
    const source = bench.path('state');
    let plusOne: CorpusFacts | undefined;
    const runs = await playRounds(bench, name, async (round) => {
      bench.copyOf(plan, 'state');
      await inUse(bench, source, async () => {
        const step = { reads: () => source, act: (tool: Tool) => tool.backup(source) };
        await round.step('first backup', step);
        await round.step('unchanged backup', step);
      });
      changeState(source, statePlusOne(scale));
      plusOne ??= checkCorpus({ ...plan, name: 'state+1' }, source);
      await inUse(bench, source, () =>
        round.step('backup of state+1', { reads: () => source, act: (tool) => tool.backup(source) }),
      );
      await round.step('verify', { reads: ({ repository }) => repository, act: (tool) => tool.verify() });
      await restoreAndCompare(bench, round, source);
    });
    remove(source);
    const row = (work: string): { suite: string; work: string } => ({ suite: name, work });
    return {
      corpora: [facts, ...(plusOne === undefined ? [] : [plusOne])],
      rows: [
        timeRow(runs, row('first backup'), { least: 2 }),
        bytesRow(runs, row('first backup'), { partOfRestic: 1 }),
        timeRow(runs, row('unchanged backup'), { least: 4 }),
        bytesRow(runs, row('unchanged backup'), { bytes: 64 * 1024 }),
        timeRow(runs, row('backup of state+1'), { least: 2.5 }),
        bytesRow(runs, row('backup of state+1'), { partOfRestic: 0.5 }),
        timeRow(runs, row('verify'), { least: 4 }),
        timeRow(runs, row('restore'), { least: 2 }),
        timeRow(runs, row('restore with integrity_check'), { least: 1.4, resticWork: 'restore' }),
        memoryRow(runs, name, 300),
      ],
      runs: runs.summaries(),
      memory: [memoryPoint(name, facts, runs)],
    };
  },
};

async function restoreAndCompare(bench: Bench, round: Round, source: string): Promise<void> {
  for (const work of ['restore', 'restore with integrity_check']) {
    const target = (tool: { readonly name: string }): string => bench.path(`restored-${tool.name}`);
    await round.step(work, {
      reads: ({ repository }) => repository,
      act: (tool) => (work === 'restore' ? tool.restore(target(tool)) : tool.restoreChecked?.(target(tool))),
    });
    for (const tool of round.tools) {
      if (work === 'restore' || tool.restoreChecked !== undefined) {
        const restored = tool.restoredPath(target(tool), source);
        settleDatabase(restored);
        assertEqual(source, restored);
      }
      remove(target(tool));
    }
  }
}
