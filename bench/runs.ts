/** Runs of several programs side by side: pair after pair, the one that begins changing from pair to pair. */

import type { Bench } from './bench.js';
import type { Measured } from './measure.js';
import { median, rounded } from './statistics.js';
import type { Tool, ToolName } from './tools/tool.js';
import { warmUp } from './warm-up.js';

/** One work of one program. */
export interface Run {
  readonly work: string;
  readonly tool: ToolName;
  readonly seconds: number;
  readonly peakMiB: number;
  /** What the repository grew by. */
  readonly bytes: number;
}

/** All runs of one work by one program. */
export interface RunSummary {
  readonly work: string;
  readonly tool: ToolName;
  readonly seconds: readonly number[];
  readonly peakMiB: number;
  readonly bytes: number;
}

/** The runs of a suite. */
export class Runs {
  readonly #all: Run[] = [];

  add(run: Run): void {
    this.#all.push(run);
  }

  seconds(work: string, tool: ToolName): readonly number[] {
    return this.#of(work, tool).map(({ seconds }) => seconds);
  }

  /** Median; undefined where the program did not do this work. */
  bytes(work: string, tool: ToolName): number | undefined {
    const runs = this.#of(work, tool);
    return runs.length === 0 ? undefined : median(runs.map(({ bytes }) => bytes));
  }

  /** The highest peak of all works; undefined where there were none. */
  peakMiB(tool: ToolName): number | undefined {
    const peaks = this.#all.filter((run) => run.tool === tool).map(({ peakMiB }) => peakMiB);
    return peaks.length === 0 ? undefined : Math.max(...peaks);
  }

  /** What is worth keeping. */
  summaries(): readonly RunSummary[] {
    const kinds = new Map(this.#all.map(({ work, tool }) => [`${tool} ${work}`, { work, tool }]));
    return [...kinds.values()].map(({ work, tool }) => {
      const runs = this.#of(work, tool);
      return {
        work,
        tool,
        seconds: runs.map(({ seconds }) => rounded(seconds)),
        peakMiB: Math.round(Math.max(...runs.map(({ peakMiB }) => peakMiB))),
        bytes: median(runs.map(({ bytes }) => bytes)),
      };
    });
  }

  #of(work: string, tool: ToolName): readonly Run[] {
    return this.#all.filter((run) => run.work === work && run.tool === tool);
  }
}

/** One work of a round. */
export interface Step {
  /** The file or directory that the work reads. */
  readonly reads: (tool: Tool) => string;
  /** @returns undefined where the program cannot do it. */
  readonly act: (tool: Tool) => Promise<Measured> | undefined;
}

/** What a round is made of. */
export interface RoundParts {
  readonly tools: readonly Tool[];
  readonly runs: Runs;
  /** Of the corpora. */
  readonly scale: number;
}

/** One pair of runs of every work, or the programs that are only shown. */
export class Round {
  /** From 0. */
  readonly number: number;
  readonly tools: readonly Tool[];
  readonly #runs: Runs;
  readonly #scale: number;

  constructor(number: number, { tools, runs, scale }: RoundParts) {
    this.number = number;
    this.tools = tools;
    this.#runs = runs;
    this.#scale = scale;
  }

  /** Lets each program do one work, one after the other, on warm memory. */
  async step(work: string, { reads, act }: Step): Promise<void> {
    for (const tool of this.tools) {
      warmUp({ reads: reads(tool), scale: this.#scale });
      const before = tool.stored();
      const running = act(tool);
      if (running === undefined) continue;
      const { seconds, peakMiB } = await running;
      this.#runs.add({ work, tool: tool.name, seconds, peakMiB, bytes: tool.stored() - before });
    }
  }
}

/**
 * Plays `pairs` rounds of nbak and restic with fresh repositories, the first to begin alternating, then one of Borg
 * where it is installed.
 */
export async function playRounds(
  bench: Bench,
  suite: string,
  play: (round: Round) => Promise<void>,
): Promise<Runs> {
  const { tools, pairs, scale, log } = bench.options;
  const { nbak, restic, borg } = tools;
  const runs = new Runs();
  const playOne = async (number: number, names: readonly Tool[]): Promise<void> => {
    for (const tool of names) await tool.init();
    await play(new Round(number, { tools: names, runs, scale }));
  };
  for (let pair = 0; pair < pairs; pair += 1) {
    await playOne(pair, pair % 2 === 0 ? [nbak, restic] : [restic, nbak]);
    log(`${suite}: pair ${pair + 1} of ${pairs} done`);
  }
  if (borg !== undefined) {
    await playOne(0, [borg]);
    log(`${suite}: Borg done`);
  }
  return runs;
}
