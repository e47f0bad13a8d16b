/** What a suite is and what it gives. */

import type { MeasureResult } from '#nbak/measurement/result.js';
import type { Bench } from '../bench.js';
import type { CorpusFacts } from '../corpora/corpus.js';
import type { Row } from '../rows.js';
import type { RunSummary } from '../runs.js';

/** Peak memory of nbak's works on so many files and bytes. */
export interface MemoryPoint {
  readonly corpus: string;
  readonly files: number;
  readonly bytes: number;
  readonly peakMiB: number;
}

/** What a suite measured. */
export interface SuiteResult {
  readonly corpora: readonly CorpusFacts[];
  readonly rows: readonly Row[];
  readonly runs: readonly RunSummary[];
  readonly memory: readonly MemoryPoint[];
  /** Of the suite `stages` alone. */
  readonly stages?: MeasureResult;
}

/** A suite. */
export interface Suite {
  readonly name: string;
  /** What it measures, one line. */
  readonly summary: string;
  /** Part of a run that names no suite. */
  readonly byDefault: boolean;
  /** Pairs where none are asked for. */
  readonly pairs: number;
  /** @throws Error when a result is not equal to its source, or a program failed. */
  run(bench: Bench): Promise<SuiteResult>;
}
