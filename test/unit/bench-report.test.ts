/** What the bench makes of its measurements: the rows' verdicts, the table, the chart. */

import { describe, expect, it } from 'vitest';
import { drawChart } from '../../bench/chart.js';
import { reportToJson, type Report } from '../../bench/report.js';
import { bytesRow, memoryRow, ratioRow, timeRow } from '../../bench/rows.js';
import { Runs } from '../../bench/runs.js';
import { median, medianRatio } from '../../bench/statistics.js';
import { formatReport } from '../../bench/table.js';
import type { ToolName } from '../../bench/tools/tool.js';

const SUBJECT = { suite: 'state', work: 'first backup' };

/** Runs of one work: seconds per pair, and bytes in each. */
function runsOf(seconds: Partial<Record<ToolName, readonly number[]>>, bytes = 1000): Runs {
  const runs = new Runs();
  for (const [tool, values] of Object.entries(seconds) as [ToolName, readonly number[]][]) {
    for (const value of values)
      runs.add({ work: SUBJECT.work, tool, seconds: value, peakMiB: 100 * value, bytes: bytes * value });
  }
  return runs;
}

function reportOf(rows: readonly ReturnType<typeof timeRow>[]): Report {
  const runs = runsOf({ nbak: [1, 2, 3] }).summaries();
  const measured = { pairs: 3, corpora: [], runs, minutes: 1 };
  return {
    date: '2026-11-20T12:00:00.000Z',
    machine: { cpu: 'A <fast> CPU', cores: 2, memoryGiB: 24, kernel: 'linux', node: 'v20.20.2' },
    programs: { nbak: 'nbak 0.1.0', restic: 'restic 0.19.1' },
    scale: 1,
    suites: [
      { suite: 'start', failed: 'no node', minutes: 0 },
      {
        suite: 'state',
        ...measured,
        rows,
        memory: [{ corpus: 'state', files: 20_000, bytes: 1.5e9, peakMiB: 250 }],
      },
    ],
  };
}

describe('statistics', () => {
  it('take the middle, and ratios pair by pair', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([])).toBeNaN();
    // The second pair met a machine that was ten times slower.
    expect(medianRatio([2, 20, 2], [1, 10, 1])).toBe(2);
  });
});

describe('a row', () => {
  it('meets a target of time when the median pair is as much faster as asked', () => {
    const runs = runsOf({ nbak: [1, 2, 1], restic: [2, 3, 2.5] });
    expect(timeRow(runs, SUBJECT, { least: 2 })).toMatchObject({ nbak: 1, restic: 2.5, ratio: 2, met: true });
    expect(timeRow(runs, SUBJECT, { least: 2.1 })).toMatchObject({ met: false });
    expect(timeRow(runs, SUBJECT)).not.toHaveProperty('met');
  });

  it('measures a work that restic does not have against another of its works', () => {
    const runs = runsOf({ restic: [3, 3] });
    runs.add({ work: 'checked', tool: 'nbak', seconds: 2, peakMiB: 1, bytes: 0 });
    const row = timeRow(runs, { suite: 'state', work: 'checked' }, { least: 1.4, resticWork: SUBJECT.work });
    expect(row).toMatchObject({ work: 'checked', restic: 3, ratio: 1.5, met: true });
  });

  it('compares bytes with restic’s, a part of them, or a number', () => {
    const runs = runsOf({ nbak: [1], restic: [2] }, 50_000);
    expect(bytesRow(runs, SUBJECT, { partOfRestic: 1 })).toMatchObject({ nbak: 50_000, met: true });
    expect(bytesRow(runs, SUBJECT, { partOfRestic: 0.4 })).toMatchObject({ met: false });
    expect(bytesRow(runs, SUBJECT, { bytes: 65_536 })).toMatchObject({ target: '≤ 64 KiB', met: true });
    expect(bytesRow(runs, SUBJECT, { bytes: 1024 }).met).toBe(false);
  });

  it('takes the highest peak of all works, and at most so many times something else', () => {
    const runs = runsOf({ nbak: [1, 3.01, 2], borg: [1] });
    expect(memoryRow(runs, 'state', 300)).toMatchObject({ nbak: 301, borg: 100, met: false });
    expect(memoryRow(runs, 'state', 301).met).toBe(true);
    const measured = { unit: 'ms', nbak: 100, ratio: 1.4, most: 1.4 } as const;
    expect(ratioRow(SUBJECT, measured).met).toBe(true);
    expect(ratioRow(SUBJECT, { ...measured, ratio: 1.41 }).met).toBe(false);
  });
});

describe('a report', () => {
  const runs = runsOf({ nbak: [1], restic: [2], borg: [30] });
  const rows = [
    timeRow(runs, SUBJECT, { least: 1.5 }),
    bytesRow(runs, SUBJECT, { partOfRestic: 0.1 }),
    memoryRow(runs, 'state'),
  ];
  const report = reportOf(rows);

  it('is a table with targets, verdicts, memory, what failed, and the count at the end', () => {
    const lines = formatReport(report).split('\n');
    expect(lines.at(-1)).toBe('1 of 2 targets met');
    expect(lines).toContain('start could not be measured: no node');
    const find = (text: string): string => lines.find((line) => line.includes(text)) ?? '';
    expect(find('first backup  ')).toMatch(/1\.00 s +2\.00 s +30\.00 s +2\.00 × +≥ 1\.5 × faster +met$/);
    expect(find('backup, bytes')).toMatch(/MISSED$/);
    expect(find('20,000')).toMatch(/^state +20,000 +1500\.0 MB +250 MiB$/);
    // Columns stand below each other.
    expect(find('first backup  ').indexOf('≥')).toBe(find('suite ').indexOf('target'));
  });

  it('is a chart of the works that both did, with long bars cut and marked, on light and dark', () => {
    const svg = drawChart(report);
    expect(svg).toMatch(/^<svg xmlns[^>]+>[\s\S]*<\/svg>\n$/);
    expect(svg.match(/state: first backup/g)).toHaveLength(1);
    const widths = [
      ...svg.matchAll(/<rect class="(\w+)" x="190" y="\d+" width="([\d.]+)" height="12" rx="2"\/><text/g),
    ];
    const [nbak = 0, restic = 0, borg = 0] = widths.slice(-3).map(([, , width]) => Number(width));
    expect(restic / nbak).toBeCloseTo(2, 1);
    expect(borg / nbak).toBeCloseTo(8, 1);
    expect(svg).toContain('» 30.00 s · 30.0 ×');
    expect(svg).toContain('prefers-color-scheme: dark');
    expect(svg).toContain('A &lt;fast&gt; CPU');
  });

  it('comes back from its JSON, which keeps lists of numbers on one line', () => {
    const json = reportToJson(report);
    expect(JSON.parse(json)).toEqual(report);
    expect(json).toContain('"seconds": [ 1, 2, 3 ],\n');
  });
});
