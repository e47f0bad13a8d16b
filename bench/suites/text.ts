/** One large log. */

import { assertEqual } from '../compare.js';
import { textPlan } from '../corpora/log.js';
import { bytesRow, memoryPoint, memoryRow, timeRow } from '../rows.js';
import { playRounds } from '../runs.js';
import { remove } from '../tools/tool.js';
import type { Suite } from './suite.js';

const name = 'text';

/** The suite `text`. */
export const textSuite: Suite = {
  name,
  summary: '1 GB of log lines in one file',
  byDefault: true,
  pairs: 5,
  async run(bench) {
    const { path: source, facts } = bench.corpus(textPlan(bench.options.scale));
    const runs = await playRounds(bench, name, async (round) => {
      await round.step('first backup', { reads: () => source, act: (tool) => tool.backup(source) });
      const target = (tool: { readonly name: string }): string => bench.path(`restored-${tool.name}`);
      await round.step('restore', {
        reads: ({ repository }) => repository,
        act: (tool) => tool.restore(target(tool)),
      });
      for (const tool of round.tools) {
        assertEqual(source, tool.restoredPath(target(tool), source));
        remove(target(tool));
      }
    });
    return {
      corpora: [facts],
      rows: [
        timeRow(runs, { suite: name, work: 'first backup' }, { least: 1.5 }),
        bytesRow(runs, { suite: name, work: 'first backup' }, { partOfRestic: 1 }),
        timeRow(runs, { suite: name, work: 'restore' }),
        memoryRow(runs, name),
      ],
      runs: runs.summaries(),
      memory: [memoryPoint(name, facts, runs)],
    };
  },
};
