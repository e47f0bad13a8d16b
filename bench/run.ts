/** `npm run bench`: nbak against restic on one machine in one run, results compared before they count. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { changeState, makeState } from './corpus.js';
import { median, type Measured } from './measure.js';
import { nbakTool, resticTool, versionOf, type Tool } from './tools.js';

/** One work, measured pair by pair. */
interface Row {
  readonly work: string;
  readonly nbak: number;
  readonly restic: number;
  /** Median of restic / nbak, pair by pair. */
  readonly faster: number;
  readonly peakMiB: number;
  readonly bytes: Readonly<Record<string, number>>;
}

type Work = 'first' | 'unchanged' | 'changed' | 'verify' | 'restore';
const WORKS: readonly Work[] = ['first', 'unchanged', 'changed', 'verify', 'restore'];

const { values } = parseArgs({
  options: {
    scale: { type: 'string', default: '1' },
    pairs: { type: 'string', default: '5' },
    out: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const scale = Number(values.scale);
const pairs = Number(values.pairs);
if (!(scale > 0 && scale <= 10) || !Number.isInteger(pairs) || pairs < 1)
  throw new RangeError('--scale is above 0, --pairs a whole number');

const restic = versionOf('restic', 'version');
if (restic === undefined) {
  console.error('restic is not installed: run `eval "$(bench/peers.sh)"` first.');
  process.exit(2);
}
const work = mkdtempSync(join(tmpdir(), 'nbak-bench-'));
try {
  const rows = await measureState();
  const report = {
    date: new Date().toISOString(),
    machine: {
      cpu: cpus()[0]?.model ?? '?',
      cores: cpus().length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      node: process.version,
    },
    restic,
    corpus: { suite: 'state', scale, pairs },
    rows,
  };
  if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(report, null, 2)}\n`);
  if (values.json) console.log(JSON.stringify(report));
  else printTable(rows);
} finally {
  rmSync(work, { recursive: true, force: true });
}

async function measureState(): Promise<readonly Row[]> {
  const runs: Record<Work, { readonly tool: string; readonly run: Measured; readonly bytes: number }[]> = {
    first: [],
    unchanged: [],
    changed: [],
    verify: [],
    restore: [],
  };
  for (let pair = 0; pair < pairs; pair += 1) {
    const source = join(work, 'state');
    makeState(source, scale);
    const tools = [nbakTool(work), resticTool(work)];
    // Who goes first changes from pair to pair, so that neither always meets the warmer cache.
    if (pair % 2 === 1) tools.reverse();
    for (const tool of tools) await tool.init();
    const step = async (name: Work, run: (tool: Tool) => Promise<Measured>): Promise<void> => {
      for (const tool of tools) {
        execFileSync('sync');
        const before = tool.stored();
        const measured = await run(tool);
        runs[name].push({ tool: tool.name, run: measured, bytes: tool.stored() - before });
      }
    };
    await step('first', (tool) => tool.backup(source));
    await step('unchanged', (tool) => tool.backup(source));
    changeState(source, scale);
    await step('changed', (tool) => tool.backup(source));
    await step('verify', (tool) => tool.verify());
    await step('restore', (tool) => tool.restore(join(work, `restored-${tool.name}`)));
    compare(source, join(work, 'restored-nbak'));
    compare(source, join(work, 'restored-restic', source));
    for (const name of ['state', 'restored-nbak', 'restored-restic'])
      rmSync(join(work, name), { recursive: true });
    console.error(`pair ${pair + 1} of ${pairs} done`);
  }
  return WORKS.map((name): Row => {
    const of = (tool: string): typeof runs.first => runs[name].filter((each) => each.tool === tool);
    const seconds = (tool: string): number[] => of(tool).map(({ run }) => run.seconds);
    const [ours, theirs] = [seconds('nbak'), seconds('restic')];
    return {
      work: name,
      nbak: median(ours),
      restic: median(theirs),
      faster: median(ours.map((own, i) => (theirs[i] ?? Number.NaN) / own)),
      peakMiB: Math.max(...of('nbak').map(({ run }) => run.peakMiB)),
      bytes: {
        nbak: median(of('nbak').map(({ bytes }) => bytes)),
        restic: median(of('restic').map(({ bytes }) => bytes)),
      },
    };
  });
}

/** A restore that is not equal makes every number worthless. Databases at rest are equal to the byte but page 1. */
function compare(source: string, restored: string): void {
  execFileSync('diff', ['-r', '--exclude=state.db*', source, restored], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

function printTable(rows: readonly Row[]): void {
  console.log('work        nbak s   restic s   faster   peak MiB   bytes nbak / restic');
  for (const { work: name, nbak, restic: peer, faster, peakMiB, bytes } of rows) {
    const cells = [
      nbak.toFixed(2).padStart(8),
      peer.toFixed(2).padStart(10),
      `${faster.toFixed(2)}×`.padStart(8),
    ];
    console.log(
      `${name.padEnd(10)}${cells.join(' ')} ${peakMiB.toFixed(0).padStart(10)}   ${bytes['nbak'] ?? 0} / ${bytes['restic'] ?? 0}`,
    );
  }
}
