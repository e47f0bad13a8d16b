/** One very large file that does not compress: memory must not grow with it. One run. */

import { assertEqual } from '../compare.js';
import { bigPlan } from '../corpora/noise.js';
import { memoryPoint, memoryRow, timeRow } from '../rows.js';
import { Round, Runs } from '../runs.js';
import { remove } from '../tools/tool.js';
import type { Suite } from './suite.js';

const name = 'big';

/** The suite `big`. */
export const bigSuite: Suite = {
  name,
  summary: 'one incompressible file of 8 GB, one run, for memory',
  byDefault: true,
  pairs: 1,
  async run(bench) {
    const { scale, tools } = bench.options;
    const { nbak, restic } = tools;
    const { path: source, facts } = bench.corpus(bigPlan(bench.options.scale));
    const runs = new Runs();
    const target = bench.path('restored-nbak');
    const ours = new Round(0, { tools: [nbak], runs, scale });
    await nbak.init();
    await ours.step('first backup', { reads: () => source, act: (tool) => tool.backup(source) });
    await ours.step('verify', { reads: ({ repository }) => repository, act: (tool) => tool.verify() });
    await ours.step('restore', {
      reads: ({ repository }) => repository,
      act: (tool) => tool.restore(target),
    });
    assertEqual(source, target);
    // Source, repository and restore of both would not fit into the memory of this machine's class.
    remove(target, nbak.repository);
    await restic.init();
    const theirs = new Round(0, { tools: [restic], runs, scale });
    await theirs.step('first backup', { reads: () => source, act: (tool) => tool.backup(source) });
    return {
      corpora: [facts],
      rows: [
        ...['first backup', 'verify', 'restore'].map((work) => timeRow(runs, { suite: name, work })),
        memoryRow(runs, name, 300),
      ],
      runs: runs.summaries(),
      memory: [memoryPoint(name, facts, runs)],
    };
  },
};
