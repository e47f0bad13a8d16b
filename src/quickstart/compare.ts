/** Compares a source with what was restored from its backup, byte by byte, and says what may rightly differ. */

import { closeSync, openSync, readlinkSync, readSync, type BigIntStats } from 'node:fs';
import { look, pathText, placeOf, readTree, stampOf } from './tree.js';

/** What is compared, and what is known about it. */
export interface Comparands {
  readonly source: string;
  readonly restored: string;
  /** The source's stamps from before the backup. */
  readonly before: ReadonlyMap<string, string>;
  /** Paths that the backup holds as databases: another process may write them, and their logs were merged. */
  readonly databases: ReadonlySet<string>;
  /** Paths of which the backup says that it lacks them, or parts of them. */
  readonly incomplete: ReadonlySet<string>;
}

/** What was found; paths are text. */
export interface Comparison {
  readonly files: number;
  readonly bytes: number;
  /** Directories, links and other entries. */
  readonly others: number;
  /** Different now, but the source has changed since before the backup. */
  readonly changed: readonly string[];
  /** In the source and not in the backup, rightly, with the reason. */
  readonly skipped: readonly string[];
  /** Different without a reason. */
  readonly different: readonly string[];
}

/** Compares; reads both trees wholly, in steps of 1 MiB. */
export function compareTrees(comparands: Comparands): Comparison {
  const { source, restored, before, databases } = comparands;
  const result = {
    files: 0,
    bytes: 0,
    others: 0,
    changed: [] as string[],
    skipped: [] as string[],
    different: [] as string[],
  };
  for (const { path, stat } of readTree(source)) {
    const twin = look(restored, path);
    const reason = twin === undefined ? whyAbsent(comparands, path, stat) : undefined;
    if (reason !== undefined) {
      result.skipped.push(`${pathText(path)} (${reason})`);
      continue;
    }
    const difference = twin === undefined ? 'not restored' : differenceOf(comparands, path, { stat, twin });
    if (difference === undefined) {
      if (!stat.isFile()) result.others += 1;
      else if (!databases.has(path)) {
        result.files += 1;
        result.bytes += Number(stat.size);
      }
    } else if (hasChanged(comparands, path)) result.changed.push(pathText(path));
    else result.different.push(`${pathText(path)} (${difference})`);
  }
  for (const { path } of readTree(restored)) {
    if (look(source, path) !== undefined) continue;
    // It was there before the backup and has gone since, or it came and went meanwhile.
    if (before.has(path)) result.changed.push(pathText(path));
    else result.different.push(`${pathText(path)} (restored, and not in the source)`);
  }
  return result;
}

const SIDECAR = /-(?:wal|shm|journal)$/;

function whyAbsent(
  { databases, incomplete, before }: Comparands,
  path: string,
  stat: BigIntStats,
): string | undefined {
  if (SIDECAR.test(path) && databases.has(path.replace(SIDECAR, ''))) return 'merged into its database';
  if (isBelow(incomplete, path)) return 'it could not be read';
  if (!before.has(path)) return 'newer than the backup';
  if (!stat.isFile() && !stat.isDirectory() && !stat.isSymbolicLink()) return 'a special file';
  return undefined;
}

function isBelow(places: ReadonlySet<string>, path: string): boolean {
  if (places.has(path)) return true;
  const slash = path.lastIndexOf('/');
  return slash > 0 && isBelow(places, path.slice(0, slash));
}

function hasChanged({ source, before, incomplete }: Comparands, path: string): boolean {
  const now = look(source, path);
  return now === undefined || stampOf(now) !== before.get(path) || incomplete.has(path);
}

interface Pair {
  readonly stat: BigIntStats;
  readonly twin: BigIntStats;
}

/** What differs, undefined where nothing does. */
function differenceOf(
  { source, restored, databases }: Comparands,
  path: string,
  pair: Pair,
): string | undefined {
  const { stat, twin } = pair;
  if ((stat.mode & FORMAT_BITS) !== (twin.mode & FORMAT_BITS)) return 'another kind';
  if (stat.isSymbolicLink()) {
    const target = readlinkSync(placeOf(source, path), 'latin1');
    return target === readlinkSync(placeOf(restored, path), 'latin1') ? undefined : 'another target';
  }
  if (stat.mode !== twin.mode) return `mode ${octal(twin.mode)}, not ${octal(stat.mode)}`;
  if (process.getuid?.() === 0 && (stat.uid !== twin.uid || stat.gid !== twin.gid)) return 'another owner';
  if (databases.has(path)) return undefined;
  if (distance(stat.mtimeNs, twin.mtimeNs) >= MTIME_TOLERANCE_NS) return 'another modification time';
  if (!stat.isFile()) return undefined;
  if (stat.size !== twin.size) return `${twin.size} bytes, not ${stat.size}`;
  return equalBytes(placeOf(source, path), placeOf(restored, path)) ? undefined : 'other bytes';
}

const FORMAT_BITS = 0o170000n;
/** Node sets times as floating-point seconds: a microsecond is what survives. */
const MTIME_TOLERANCE_NS = 2000n;
const STEP = 1024 * 1024;

function octal(mode: bigint): string {
  return (mode & 0o7777n).toString(8);
}

function distance(a: bigint, b: bigint): bigint {
  return a > b ? a - b : b - a;
}

function equalBytes(left: Buffer, right: Buffer): boolean {
  const files: number[] = [];
  try {
    files.push(openSync(left, 'r'), openSync(right, 'r'));
    const buffers = [Buffer.alloc(STEP), Buffer.alloc(STEP)] as const;
    for (;;) {
      const [a, b] = buffers.map((buffer, i) => buffer.subarray(0, readFully(files[i] ?? -1, buffer)));
      if (a === undefined || b === undefined || !a.equals(b)) return false;
      if (a.length < STEP) return true;
    }
  } catch {
    // Unreadable or gone: not proved equal.
    return false;
  } finally {
    files.forEach((file) => closeSync(file));
  }
}

function readFully(file: number, buffer: Buffer): number {
  let length = 0;
  while (length < buffer.length) {
    const step = readSync(file, buffer, length, buffer.length - length, null);
    if (step === 0) break;
    length += step;
  }
  return length;
}
