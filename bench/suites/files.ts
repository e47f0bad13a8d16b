/** Many small files: first and unchanged backup, and how memory grows with their number. */

import { join } from 'node:path';
import type { Bench, Corpus } from '../bench.js';
import { assertEqual } from '../compare.js';
import { FILES_PER_PART, filesPlan, partName } from '../corpora/files.js';
import { bytesRow, memoryPoint, memoryRow, timeRow, type Row } from '../rows.js';
import { playRounds, type Runs } from '../runs.js';
import { remove } from '../tools/tool.js';
import type { MemoryPoint, Suite } from './suite.js';

/** 40 parts are 200 000 files. */
const PARTS = 40;

/** The suite `files`. */
export const filesSuite: Suite = {
  name: 'files',
  summary: '200 000 files of 0.5 to 4 KiB in 2 000 directories',
  byDefault: true,
  pairs: 5,
  async run(bench) {
    const parts = Math.max(1, Math.round(PARTS * bench.options.scale));
    const corpus = bench.corpus(filesPlan('files', parts));
    const runs = await playFiles(bench, 'files', corpus);
    const memory = [memoryPoint('files', corpus.facts, runs)];
    for (const some of new Set([1, Math.ceil(parts / 4)]))
      if (some < parts) memory.unshift(await memoryOfPart(bench, corpus, some));
    return {
      corpora: [corpus.facts],
      rows: [...timeRows('files', runs, { first: 1.5, unchanged: 3 }), memoryRow(runs, 'files', 300)],
      runs: runs.summaries(),
      memory,
    };
  },
};

/** The suite `million`. */
export const millionSuite: Suite = {
  name: 'million',
  summary: '1 000 000 of them: for memory, by hand only',
  byDefault: false,
  pairs: 1,
  async run(bench) {
    const parts = Math.max(1, Math.round(5 * PARTS * bench.options.scale));
    const corpus = bench.corpus(filesPlan('million', parts));
    const runs = await playFiles(bench, 'million', corpus);
    const memory = [memoryPoint('million', corpus.facts, runs)];
    return {
      corpora: [corpus.facts],
      rows: [...timeRows('million', runs), memoryRow(runs, 'million', 700)],
      runs: runs.summaries(),
      memory,
    };
  },
};

async function playFiles(bench: Bench, suite: string, { path: source }: Corpus): Promise<Runs> {
  await bench.settle();
  return playRounds(bench, suite, async (round) => {
    await round.step('first backup', { reads: () => source, act: (tool) => tool.backup(source) });
    await round.step('unchanged backup', { reads: () => source, act: (tool) => tool.backup(source) });
    // Writing so many files takes longer than all that is timed: the other pairs are checked where they are stored.
    if (round.number > 0) for (const tool of round.tools) await tool.verify();
    else {
      for (const tool of round.tools) {
        const target = bench.path(`restored-${tool.name}`);
        await tool.restore(target);
        assertEqual(source, tool.restoredPath(target, source));
        remove(target);
      }
    }
  });
}

/** Times and bytes, judged where there are targets. */
function timeRows(
  suite: string,
  runs: Runs,
  targets?: { readonly first: number; readonly unchanged: number },
): readonly Row[] {
  return [
    timeRow(runs, { suite, work: 'first backup' }, targets && { least: targets.first }),
    bytesRow(runs, { suite, work: 'first backup' }, { partOfRestic: 1 }),
    timeRow(runs, { suite, work: 'unchanged backup' }, targets && { least: targets.unchanged }),
  ];
}

/** First and unchanged backup of the first parts of a corpus. */
async function memoryOfPart(bench: Bench, { path, facts }: Corpus, parts: number): Promise<MemoryPoint> {
  const { nbak } = bench.options.tools;
  await nbak.init();
  const sources = Array.from({ length: parts }, (_, part) => join(path, partName(part)));
  const { peakMiB: first } = await nbak.run('backup', ...sources);
  const { peakMiB: second } = await nbak.run('backup', ...sources);
  const files = parts * FILES_PER_PART;
  const bytes = Math.round((facts.bytes * files) / facts.files);
  return { corpus: 'files', files, bytes, peakMiB: Math.round(Math.max(first, second)) };
}
