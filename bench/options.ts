/** How the bench is called. */

import { parseArgs } from 'node:util';
import { SUITES } from './suites/index.js';
import type { Suite } from './suites/suite.js';

/** What a call asks for. */
export interface Options {
  readonly suites: readonly Suite[];
  readonly scale: number;
  /** Instead of each suite's own number. */
  readonly pairs: number | undefined;
  readonly json: boolean;
  /** A file for the report. */
  readonly out: string | undefined;
  /** A report to draw, instead of measuring. */
  readonly chart: string | undefined;
  /** All suites, at full size and with their own pairs: the results are kept. */
  readonly isWhole: boolean;
}

/** The help text. */
export const USAGE = `npm run bench -- [options]
  --suite NAME    only this suite; repeatable: ${SUITES.map(({ name }) => name).join(', ')}
  --scale S       size of the corpora, above 0; 1 is what the targets mean
  --pairs N       paired runs of each work, instead of the suite's own number
  --json          the report as JSON on stdout instead of the table
  --out FILE      writes the report there after each suite; a whole run also goes to bench/results/
  --chart FILE    draws bench/results/latest.svg from a report and measures nothing`;

/** The options of a call; undefined where they are wrong, or ask for help. */
export function parseOptions(args: readonly string[]): Options | undefined {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        suite: { type: 'string', multiple: true },
        scale: { type: 'string', default: '1' },
        pairs: { type: 'string' },
        json: { type: 'boolean', default: false },
        out: { type: 'string' },
        chart: { type: 'string' },
      },
    });
    const { suite: names, json, out, chart } = values;
    const scale = Number(values.scale);
    const pairs = values.pairs === undefined ? undefined : Number(values.pairs);
    const isKnown = names?.every((name) => SUITES.some((suite) => suite.name === name)) ?? true;
    const isCount = pairs === undefined || (Number.isInteger(pairs) && pairs > 0);
    if (!isKnown || !isCount || !(scale > 0 && scale <= 10)) return undefined;
    return {
      suites: SUITES.filter(({ name, byDefault }) => names?.includes(name) ?? byDefault),
      scale,
      pairs,
      json,
      out,
      chart,
      isWhole: scale === 1 && pairs === undefined && names === undefined,
    };
  } catch {
    return undefined;
  }
}
