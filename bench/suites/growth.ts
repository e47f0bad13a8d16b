/** A state that grows: the twelfth backup, whose pieces lie scattered over twelve sessions, against the first. */

import type { Bench } from '../bench.js';
import { assertEqual } from '../compare.js';
import { changeState, growth, statePlan } from '../corpora/state.js';
import { ratioRow } from '../rows.js';
import { Round, Runs } from '../runs.js';
import { median, medianRatio } from '../statistics.js';
import { backupId } from '../tools/nbak.js';
import { remove, sizeOf } from '../tools/tool.js';
import type { Suite } from './suite.js';

const name = 'growth';
const BACKUPS = 12;

/** One backup and what it holds. */
interface Grown {
  readonly id: string;
  readonly bytes: number;
}

/** The suite `growth`. */
export const growthSuite: Suite = {
  name,
  summary: 'restore of the 12th backup of a growing state against the first’s',
  byDefault: true,
  pairs: 5,
  async run(bench) {
    const { pairs, scale, log, tools } = bench.options;
    const { facts } = bench.corpus(statePlan(bench.options.scale));
    const { first, last } = await grow(bench);
    log(`${name}: ${BACKUPS} backups made`);
    const runs = new Runs();
    for (let pair = 0; pair < pairs; pair += 1) {
      const order = [
        { ...first, work: 'restore of the 1st' },
        { ...last, work: 'restore of the 12th' },
      ];
      if (pair % 2 === 1) order.reverse();
      for (const { id, work } of order) {
        const target = bench.path('restored-nbak');
        const round = new Round(pair, { tools: [tools.nbak], runs, scale });
        await round.step(work, {
          reads: ({ repository }) => repository,
          act: () => tools.nbak.restoreBackup(id, target),
        });
        if (id === last.id) assertEqual(bench.path('state'), target);
        remove(target);
      }
    }
    remove(bench.path('state'));
    // The 12th is larger: what counts is the time for the same bytes.
    const ofFirst = runs.seconds('restore of the 1st', 'nbak').map((seconds) => seconds / first.bytes);
    const seconds = runs.seconds('restore of the 12th', 'nbak');
    const ofLast = seconds.map((each) => each / last.bytes);
    return {
      corpora: [facts],
      rows: [
        ratioRow(
          { suite: name, work: 'restore of the 12th backup, by byte against the 1st' },
          { unit: 's', nbak: median(seconds), ratio: medianRatio(ofLast, ofFirst), most: 1.1 },
        ),
      ],
      runs: runs.summaries(),
      memory: [],
    };
  },
};

async function grow(bench: Bench): Promise<{ readonly first: Grown; readonly last: Grown }> {
  const { scale, tools } = bench.options;
  const source = bench.copyOf(statePlan(scale), 'state');
  await bench.settle();
  await tools.nbak.init();
  const backUp = async (): Promise<Grown> => ({
    id: backupId(await tools.nbak.backup(source)),
    bytes: sizeOf(source),
  });
  const first = await backUp();
  let last = first;
  for (let step = 2; step <= BACKUPS; step += 1) {
    changeState(source, growth(scale, step));
    await bench.settle();
    last = await backUp();
  }
  return { first, last };
}
