/** Extended attributes, POSIX ACLs among them (§10.4 key 4). */

import { compareBytes } from '../format/bytes.js';
import { systemCalls, zeroEnded } from './system-calls.js';

/** Names and values, ascending by name. */
export type Xattrs = readonly (readonly [name: Uint8Array, value: Uint8Array])[];

/** An open file, or a path whose last component is not followed where it is a link. */
export type XattrPlace = number | Uint8Array;

/** What Linux allows a list of names, and a value, to take. */
const MOST_BYTES = 64 * 1024;
/** Names and values of one entry that are recorded; what a page holds is limited (§15). */
const MOST_XATTR_BYTES = 4 * 1024 * 1024;

/** ACLs are the only ones of `system.` that are stored and not made up by a file system. */
const RECORDED = /^(?:user\.|trusted\.|security\.|system\.posix_acl_(?:access|default)$)/;
/** A seal of the attributes under a key of this machine, which nobody else can make. */
const SEALED_HERE = 'security.evm';

let list: Uint8Array | undefined;
let value: Uint8Array | undefined;

/**
 * Reads all attributes that this user may read.
 *
 * @returns nothing where there is none, or where this system has none.
 * @throws NodeJS.ErrnoException when the entry is gone, and what reading its inode throws.
 */
export function readXattrs(place: XattrPlace): Xattrs {
  const call = systemCalls();
  if (call === undefined) return [];
  const byPath = typeof place !== 'number';
  const at = byPath ? zeroEnded(place) : place;
  list ??= new Uint8Array(MOST_BYTES);
  const names = list;
  const length = attempt(() => call(byPath ? 'llistxattr' : 'flistxattr', at, names, MOST_BYTES)) ?? 0;
  if (length === 0) return [];
  value ??= new Uint8Array(MOST_BYTES);
  const found: [Uint8Array, Uint8Array][] = [];
  let room = MOST_XATTR_BYTES;
  for (const name of split(names.subarray(0, length))) {
    const text = nameOf(name);
    if (!RECORDED.test(text) || text === SEALED_HERE) continue;
    const buffer = value;
    const size = attempt(() =>
      call(byPath ? 'lgetxattr' : 'fgetxattr', at, zeroEnded(name), buffer, MOST_BYTES),
    );
    if (size === undefined || name.length + size > room) continue;
    room -= name.length + size;
    found.push([name, buffer.slice(0, size)]);
  }
  return found.sort(([a], [b]) => compareBytes(a, b));
}

/**
 * Sets attributes, of the kinds that are recorded and no others, wherever they come from.
 *
 * @returns the names of those that this user or system cannot set.
 */
export function writeXattrs(place: XattrPlace, xattrs: Xattrs): readonly Uint8Array[] {
  if (xattrs.length === 0) return [];
  const call = systemCalls();
  const byPath = typeof place !== 'number';
  const at = byPath ? zeroEnded(place) : place;
  return xattrs.flatMap(([name, content]) => {
    if (!RECORDED.test(nameOf(name))) return [name];
    const isSet = attempt(() =>
      call?.(byPath ? 'lsetxattr' : 'fsetxattr', at, zeroEnded(name), content, content.length, 0),
    );
    return isSet === undefined ? [name] : [];
  });
}

/** Says whether an attribute gives a program rights of root. */
export function isCapability(name: Uint8Array): boolean {
  return nameOf(name) === 'security.capability';
}

/** Gives an entry the attributes of another, as far as this user may, and takes away what the other has not. */
export function copyXattrs(from: Uint8Array, to: Uint8Array): void {
  const wanted = readXattrs(from);
  const names = new Set(wanted.map(([name]) => nameOf(name)));
  for (const [name] of readXattrs(to)) {
    // Labels are the system's to give and to take.
    if (!names.has(nameOf(name)) && !nameOf(name).startsWith('security.')) removeXattr(to, name);
  }
  writeXattrs(to, wanted);
}

/** Takes the ACLs away that a new directory has from the one it was made in: its files would have them, too. */
export function removeAcls(path: Uint8Array): void {
  for (const name of ['system.posix_acl_access', 'system.posix_acl_default'])
    removeXattr(path, Buffer.from(name));
}

function removeXattr(path: Uint8Array, name: Uint8Array): void {
  attempt(() => systemCalls()?.('lremovexattr', zeroEnded(path), zeroEnded(name)));
}

function nameOf(name: Uint8Array): string {
  return Buffer.from(name).toString('latin1');
}

function split(names: Uint8Array): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let start = 0; start < names.length;) {
    const end = names.indexOf(0, start);
    found.push(names.slice(start, end));
    start = end + 1;
  }
  return found;
}

/** What systems answer that have no such attributes, or where this user may not, or there is no room for them. */
const TOLERATED = [
  'ENODATA',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EPERM',
  'EACCES',
  'EINVAL',
  'ERANGE',
  'E2BIG',
  'ENOSPC',
  'EDQUOT',
  'EROFS',
];

function attempt(run: () => number | undefined): number | undefined {
  try {
    return run();
  } catch (error) {
    if (TOLERATED.includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
