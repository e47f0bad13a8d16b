/** Are there backups, good ones and young ones, and does this clock agree with them? */

import { existsSync } from 'node:fs';
import { pathToText } from '../format/path.js';
import type { Repository } from '../repository/open.js';
import { describeSource, type DescribedBackup } from '../repository/resolve.js';
import { Check, type Finding } from './finding.js';
import type { OpenedSetUp, SetUp } from './set-up.js';

const MINUTE_MS = 60_000;
/** Clocks of machines that keep time differ by less. */
const TOLERANCE_MS = 2 * MINUTE_MS;
/** This program is younger. */
const EARLIEST_MS = Date.UTC(2026, 0, 1);

/** The directories of a host's backups that are still there; none where names are sealed. */
export function sourcesOf(backups: readonly DescribedBackup[], host: string): readonly string[] {
  const roots = backups
    .filter(({ detail }) => detail?.host === host)
    .flatMap(({ detail }) => detail?.roots.map(({ path }) => pathToText(path)) ?? []);
  // One that is gone is backed up no more; who says that it should be names it.
  return [...new Set(roots)].filter((path) => existsSync(path));
}

/** Looks at manifests that do not verify. */
export function checkManifests({ backups, unreadable }: OpenedSetUp): readonly Finding[] {
  const check = new Check('repository');
  if (unreadable.length === 0) return [check.ok(`the repository opens; backups: ${backups.length}`)];
  return unreadable.map(({ id, error }) => ({
    ...check.problem(
      `backup ${id.slice(0, 8)} cannot be read: ${error.message}`,
      'Run `nbak verify` to see what else is damaged, and take it from another copy of the repository.',
    ),
    code: error.code,
  }));
}

/** Looks at the age of the last good backup of each source. */
export function checkLastBackups(
  { backups }: OpenedSetUp,
  { sources, host, maxAgeMs }: SetUp,
  now: number,
): readonly Finding[] {
  const check = new Check('last-backup');
  const ordinary = backups.filter(({ manifest, detail }) => {
    if (manifest.purpose !== 'ordinary') return false;
    return detail === undefined || detail.host === host;
  });
  const advice = 'Run `nbak backup`, and see why the timer did not.';
  if (ordinary.length === 0) {
    return [
      check.problem('there is no backup of this machine yet', 'Run `nbak backup`, then do it from a timer.'),
    ];
  }
  const groups = bySource(ordinary);
  const findings: Finding[] = [];
  for (const [source, group] of groups) {
    if (!concerns(group[0], sources)) continue;
    const good = group.find(isGood);
    if (good === undefined) {
      findings.push(
        check.warning(`no backup of ${source} is complete`, 'See what is missing with `nbak show`.'),
      );
      continue;
    }
    const { time, signedAt } = good.manifest;
    const ageMs = now - Math.min(time, signedAt);
    const said = `the last good backup of ${source} is ${hours(ageMs)} old`;
    findings.push(ageMs > maxAgeMs ? check.warning(said, advice) : check.ok(said));
  }
  for (const source of sources) {
    if ([...groups.values()].some(([backup]) => concerns(backup, [source]))) continue;
    findings.push(
      new Check('last-backup', source).problem(`there is no backup of ${source} from this machine`, advice),
    );
  }
  return findings;
}

/** Newest first in each group, as they come. */
function bySource(backups: readonly DescribedBackup[]): ReadonlyMap<string, readonly DescribedBackup[]> {
  const groups = new Map<string, DescribedBackup[]>();
  for (const backup of backups) {
    const source = describeSource(backup);
    groups.set(source, [...(groups.get(source) ?? []), backup]);
  }
  return groups;
}

/** Nothing in it was torn or unreadable, and its databases are of one moment; a sealed one is taken as good. */
function isGood({ detail }: DescribedBackup): boolean {
  return (
    detail === undefined || (detail.cut !== 'none' && detail.torn.length + detail.unreadable.length === 0)
  );
}

function concerns(backup: DescribedBackup | undefined, sources: readonly string[]): boolean {
  if (sources.length === 0 || backup?.detail === undefined) return true;
  return backup.detail.roots.some(({ path }) => sources.includes(pathToText(path)));
}

function hours(ms: number): string {
  if (ms < 90 * MINUTE_MS) return `${Math.max(0, Math.round(ms / MINUTE_MS))} min`;
  const whole = Math.round(ms / (60 * MINUTE_MS));
  return whole < 72 ? `${whole} h` : `${Math.round(whole / 24)} days`;
}

/** Compares this clock with the storage's and with the signatures of other machines. */
export async function checkClock(
  repository: Repository,
  backups: readonly DescribedBackup[],
  now: number,
): Promise<Finding> {
  const check = new Check('clock');
  const advice = 'Set the clock, and keep it by NTP: ages, and what is newest, are judged by it.';
  if (now < EARLIEST_MS) return check.problem(`the clock says ${new Date(now).toISOString()}`, advice);
  let stored = 0;
  for await (const { modifiedMs } of repository.storage.list('manifests/'))
    stored = Math.max(stored, modifiedMs);
  const signed = Math.max(0, ...backups.map(({ manifest }) => manifest.signedAt));
  const behindMs = Math.max(stored, signed) - now;
  if (behindMs <= TOLERANCE_MS)
    return check.ok('the clock is not behind the storage and the signatures in it');
  const what = stored > signed ? 'the storage’s newest object' : 'the newest backup';
  return check.problem(`the clock is ${hours(behindMs)} behind ${what}, or that one’s was ahead`, advice);
}
