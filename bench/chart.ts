/** The chart for the README: how long each work takes, with nbak as the measure. Readable on light and on dark. */

import { rowsOf, type Report } from './report.js';
import type { Row } from './rows.js';
import type { ToolName } from './tools/tool.js';

const TOOLS: readonly ToolName[] = ['nbak', 'restic', 'borg'];
const TITLES: Readonly<Record<ToolName, string>> = { nbak: 'nbak', restic: 'restic', borg: 'BorgBackup' };
const WIDTH = 760;
const LABELS = 190;
const AFTER_BAR = 90;
const BAR = 12;
const GAP = 3;
const GROUP_GAP = 16;
const TOP = 62;
const BOTTOM = 30;

/** Longer bars are cut, and marked: one slow work would make all others too short to read. */
const MOST_TIMES = 8;

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 15px; font-weight: 600 }
  .small { font-size: 11px; fill: #57606a }
  .nbak { fill: #1a7f64 } .restic { fill: #bf6b16 } .borg { fill: #8b949e }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #9da7b1 }
    .nbak { fill: #3fb992 } .restic { fill: #e09b4f } .borg { fill: #768390 }
  }`;

/** An SVG of every work that nbak and restic both did. */
export function drawChart(report: Report): string {
  const rows = rowsOf(report).filter(
    ({ unit, nbak, restic }) => unit === 's' && nbak !== undefined && restic !== undefined,
  );
  const longest = Math.max(1, ...rows.flatMap((row) => TOOLS.map((tool) => timesOf(row, tool))));
  const scale = Math.min(longest, MOST_TIMES);
  let y = TOP;
  const groups = rows.map((row) => {
    const { svg, height } = drawGroup(row, y, scale);
    y += height + GROUP_GAP;
    return svg;
  });
  const height = y + BOTTOM - GROUP_GAP;
  const { machine, date } = report;
  const place = `${date.slice(0, 10)}, ${machine.cpu}, ${machine.cores} cores, Node ${machine.node}; medians`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">
<title>Time of nbak, restic and BorgBackup</title>
<style>${STYLE}
</style>
<text class="title" x="0" y="18">Time for the same work: shorter is better</text>
${drawLegend()}
${groups.join('\n')}
<text class="small" x="0" y="${height - 8}">${escaped(place)}</text>
</svg>
`;
}

function drawLegend(): string {
  return TOOLS.map((tool, i) => {
    const x = LABELS + i * 110;
    return `<rect class="${tool}" x="${x}" y="32" width="12" height="12" rx="2"/><text x="${x + 18}" y="43">${TITLES[tool]}</text>`;
  }).join('\n');
}

function drawGroup(row: Row, top: number, scale: number): { readonly svg: string; readonly height: number } {
  const bars = TOOLS.filter((tool) => row[tool] !== undefined);
  const height = bars.length * (BAR + GAP) - GAP;
  const drawn = bars.map((tool, i) => {
    const y = top + i * (BAR + GAP);
    const times = timesOf(row, tool);
    const width = Math.max(1, (Math.min(times, scale) / scale) * (WIDTH - LABELS - AFTER_BAR));
    const factor = tool === 'nbak' ? '' : ` · ${times.toFixed(1)} ×`;
    const cut = times > scale ? '» ' : '';
    const label = `${cut}${(row[tool] ?? 0).toFixed(2)} s${factor}`;
    return (
      `<rect class="${tool}" x="${LABELS}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="2"/>` +
      `<text class="small" x="${(LABELS + width + 6).toFixed(1)}" y="${y + 10}">${label}</text>`
    );
  });
  const [first = '', ...rest] = wrapped(`${row.suite}: ${row.work}`);
  const middle = top + height / 2 + 4 - rest.length * 8;
  const lines = [first, ...rest].map(
    (line, i) => `<text x="${LABELS - 10}" y="${middle + i * 16}" text-anchor="end">${escaped(line)}</text>`,
  );
  return { svg: [...lines, ...drawn].join('\n'), height };
}

/** Times as long as nbak. */
function timesOf(row: Row, tool: ToolName): number {
  return (row[tool] ?? 0) / (row.nbak ?? 1);
}

/** Two lines where one would not fit. */
function wrapped(label: string): readonly string[] {
  const cut = label.indexOf(' with ');
  return cut < 0 ? [label] : [label.slice(0, cut), label.slice(cut + 1)];
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
