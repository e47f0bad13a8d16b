/** The report as a table for people. */

import { measuredSuites, rowsOf, type Report } from './report.js';
import type { Row, Unit } from './rows.js';

const HEADER = ['suite', 'work', 'nbak', 'restic', 'borg', 'ratio', 'target', ''];
/** Columns of numbers are aligned to the right. */
const NUMBERS = new Set([2, 3, 4, 5]);

/** Rows with targets and verdicts, then memory against files and bytes, then the count of targets met. */
export function formatReport(report: Report): string {
  const { machine, programs, date, scale } = report;
  const rows = rowsOf(report);
  const judged = rows.filter(({ met }) => met !== undefined);
  const met = judged.filter((row) => row.met === true).length;
  return [
    `${date}, ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Node ${machine.node}`,
    Object.values(programs).join(', '),
    ...(scale === 1 ? [] : [`Scale ${scale}: the targets are meant for scale 1.`]),
    '',
    ...formatMemory(report),
    ...aligned([HEADER, ...rows.map(cellsOf)], NUMBERS),
    ...report.suites.flatMap((suite) =>
      'failed' in suite ? [`${suite.suite} could not be measured: ${suite.failed}`] : [],
    ),
    '',
    `${met} of ${judged.length} targets met`,
  ].join('\n');
}

function cellsOf({ suite, work, unit, nbak, restic, borg, ratio, target, met }: Row): readonly string[] {
  return [
    suite,
    work,
    ...[nbak, restic, borg].map((value) => (value === undefined ? '' : formatValue(value, unit))),
    ratio === undefined ? '' : `${ratio.toFixed(2)} ×`,
    target ?? '',
    met === undefined ? '' : met ? 'met' : 'MISSED',
  ];
}

/** A number and its unit. */
export function formatValue(value: number, unit: Unit): string {
  if (unit !== 'bytes') return `${value.toFixed(unit === 's' ? 2 : 0)} ${unit}`;
  return value < 1e6 ? `${(value / 1e3).toFixed(1)} kB` : `${(value / 1e6).toFixed(1)} MB`;
}

function formatMemory(report: Report): readonly string[] {
  const points = measuredSuites(report)
    .flatMap(({ memory }) => memory)
    .sort((a, b) => a.files - b.files || a.bytes - b.bytes);
  if (points.length === 0) return [];
  const rows = points.map(({ corpus, files, bytes, peakMiB }) => [
    corpus,
    files.toLocaleString('en-US'),
    formatValue(bytes, 'bytes'),
    `${peakMiB} MiB`,
  ]);
  return [...aligned([['memory of nbak', 'files', 'bytes', 'peak'], ...rows], new Set([1, 2, 3])), ''];
}

function aligned(rows: readonly (readonly string[])[], right: ReadonlySet<number>): readonly string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, i) => (right.has(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
