/** One run of the bench: where it works, with which programs, how much and how often. */

import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkCorpus, type CorpusFacts, type CorpusPlan } from './corpora/corpus.js';
import type { NbakTool } from './tools/nbak.js';
import { remove, type Tool } from './tools/tool.js';

/** The programs. */
export interface Tools {
  readonly nbak: NbakTool;
  readonly restic: Tool;
  /** Shown beside them where it is installed. */
  readonly borg: Tool | undefined;
}

/** How a run was asked for. */
export interface BenchOptions {
  /** Where everything is made; removed by the caller. */
  readonly directory: string;
  readonly tools: Tools;
  /** 1 is the size of the corpora as the targets mean them. */
  readonly scale: number;
  /** Paired runs of each work. */
  readonly pairs: number;
  /** Told what goes on. */
  readonly log: (text: string) => void;
}

/** A corpus on disk. */
export interface Corpus {
  readonly path: string;
  readonly facts: CorpusFacts;
}

/** What suites work with. */
export class Bench {
  readonly options: BenchOptions;
  readonly #corpora: Map<string, Corpus>;

  constructor(options: BenchOptions, corpora = new Map<string, Corpus>()) {
    this.options = options;
    this.#corpora = corpora;
  }

  /** The same with another number of pairs; corpora are shared. */
  with(pairs: number): Bench {
    return new Bench({ ...this.options, pairs }, this.#corpora);
  }

  /** A path in the working directory. */
  path(name: string): string {
    return join(this.options.directory, name);
  }

  /** A corpus, made and checked when it is first asked for. Suites read it, and change a {@link copyOf} it. */
  corpus(plan: CorpusPlan): Corpus {
    const known = this.#corpora.get(plan.name);
    if (known !== undefined) return known;
    const path = this.path(`corpus-${plan.name}`);
    this.options.log(`making the corpus ${plan.name}`);
    mkdirSync(path);
    plan.make(path);
    const corpus = { path, facts: checkCorpus(plan, path) };
    this.#corpora.set(plan.name, corpus);
    return corpus;
  }

  /** A copy of a corpus, to be changed or to be in use; what lay at `name` is put aside. */
  copyOf(plan: CorpusPlan, name: string): string {
    const copy = this.path(name);
    remove(copy);
    execFileSync('cp', ['-a', this.corpus(plan).path, copy]);
    return copy;
  }

  /**
   * Waits until nothing of a source is younger than 2 s. nbak reads such files again the next time, because a change
   * could have left no trace in their times; sources that are all that young are found in benches only.
   */
  async settle(): Promise<void> {
    await sleep(SETTLE_MS);
  }
}

const SETTLE_MS = 2500;
