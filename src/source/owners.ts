/** Names of users and groups, read once from the system's own files. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Looks up names by number for a backup and numbers by name for a restore. */
export interface Owners {
  /** The user's name, '' when there is none. */
  userName(uid: number): string;
  /** The group's name, '' when there is none. */
  groupName(gid: number): string;
  /** Tells one state of these names from another. */
  readonly version: string;
  /** The user's number on this machine. */
  userId(name: string): number | undefined;
  /** The group's number on this machine. */
  groupId(name: string): number | undefined;
}

/** Where the names are read from. */
export interface OwnerFiles {
  readonly passwd?: string;
  readonly group?: string;
}

/**
 * Reads `/etc/passwd` and `/etc/group` (or `files`) once. Users known only to a directory service have no name here;
 * their numbers are stored all the same. A missing file means no names.
 */
export function readOwners(files: OwnerFiles = {}): Owners {
  const users = readTable(files.passwd ?? '/etc/passwd');
  const groups = readTable(files.group ?? '/etc/group');
  const names = JSON.stringify([[...users.names], [...groups.names]]);
  return {
    version: createHash('sha256').update(names).digest('hex'),
    userName: (uid) => users.names.get(uid) ?? '',
    groupName: (gid) => groups.names.get(gid) ?? '',
    userId: (name) => users.ids.get(name),
    groupId: (name) => groups.ids.get(name),
  };
}

interface NameTable {
  readonly names: Map<number, string>;
  readonly ids: Map<string, number>;
}

function readTable(file: string): NameTable {
  const table: NameTable = { names: new Map(), ids: new Map() };
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return table;
  }
  for (const line of text.split('\n')) {
    const [name, , number] = line.split(':');
    if (name === undefined || name === '' || number === undefined || !/^\d+$/.test(number)) continue;
    const id = Number(number);
    // The first line wins, as it does for getpwuid(3).
    if (!table.names.has(id)) table.names.set(id, name);
    if (!table.ids.has(name)) table.ids.set(name, id);
  }
  return table;
}
