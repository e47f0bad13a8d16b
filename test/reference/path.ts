/** Paths inside a root and their order (spec §10.3). */
import { compare, equal } from './bytes.js';
import { demand } from './fail.js';
import { LIMITS } from './limits.js';

const SLASH = 0x2f;

export function components(path: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let start = 0;
  for (let i = 0; i <= path.length; i += 1) {
    if (i < path.length && path[i] !== SLASH) continue;
    parts.push(path.slice(start, i));
    start = i + 1;
  }
  return parts;
}

function isSafeComponent(part: Uint8Array): boolean {
  const dots = part.length <= 2 && part.every((byte) => byte === 0x2e);
  return part.length > 0 && part.length <= LIMITS.componentBytes && !dots && !part.includes(0);
}

/** A single safe component, as the name of a root is. */
export function checkComponent(part: Uint8Array): void {
  demand(isSafeComponent(part) && !part.includes(SLASH), 'PATH_UNSAFE', '§10.3', 'unsafe name');
}

/** Refuses an unsafe path; the empty path is the root. */
export function checkPath(path: Uint8Array): void {
  demand(path.length <= LIMITS.pathBytes, 'PATH_UNSAFE', '§10.3', 'path too long');
  if (path.length === 0) return;
  demand(components(path).every(isSafeComponent), 'PATH_UNSAFE', '§10.3', 'unsafe component');
}

/** Path order: component by component, bytewise; −1, 0 or 1. */
export function comparePaths(a: Uint8Array, b: Uint8Array): number {
  const left = a.length === 0 ? [] : components(a);
  const right = b.length === 0 ? [] : components(b);
  for (let i = 0; i < Math.min(left.length, right.length); i += 1) {
    const order = compare(left[i] ?? new Uint8Array(), right[i] ?? new Uint8Array());
    if (order !== 0) return Math.sign(order);
  }
  return Math.sign(left.length - right.length);
}

function parentOf(path: Uint8Array): Uint8Array {
  const slash = path.lastIndexOf(SLASH);
  return slash < 0 ? new Uint8Array() : path.slice(0, slash);
}

/** What the order of entries depends on. */
export interface PlacedEntry {
  readonly path: Uint8Array;
  readonly kind: number;
}

const invalid = (holds: boolean, message: string): void => demand(holds, 'FORMAT_INVALID', '§10.3', message);

/** Checks all entries of one root, from its first to its last. */
export function checkEntryOrder(entries: readonly PlacedEntry[]): void {
  entries.forEach((entry) => checkPath(entry.path));
  invalid(entries[0]?.path.length === 0, 'the first entry is not the root');
  checkPageOrder(entries);
}

/** Checks what one page can show: what is above its first entry is taken to be on the pages before it. */
export function checkPageOrder(entries: readonly PlacedEntry[]): void {
  const first = entries[0]?.path ?? new Uint8Array();
  entries.forEach((entry, i) => {
    if (entry.path.length === 0) invalid(entry.kind === 1, 'the root is no directory');
    const before = entries[i - 1];
    if (before === undefined) return;
    invalid(comparePaths(before.path, entry.path) < 0, 'not in path order, or twice');
    const parent = parentOf(entry.path);
    const here = entries.slice(0, i).find((candidate) => equal(candidate.path, parent));
    invalid(here === undefined ? isAbove(parent, first) : here.kind === 1, 'no parent directory before it');
  });
}

const isAbove = (directory: Uint8Array, path: Uint8Array): boolean =>
  directory.length === 0
    ? path.length > 0
    : path[directory.length] === SLASH && equal(directory, path.subarray(0, directory.length));
