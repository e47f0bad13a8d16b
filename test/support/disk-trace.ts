/** What a program did to a disk, as strace saw it, and what of it a power cut at any moment would leave. */

import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Why there can be no trace, undefined where there can. */
export const untraceable =
  spawnSync('strace', ['-f', 'true']).status === 0 ? undefined : 'strace is absent or not allowed';

/** A change or a sync; it began and ended at these lines of the trace. */
interface Call {
  readonly kind: 'write' | 'sync' | 'link' | 'mkdir';
  readonly paths: readonly string[];
  readonly begun: number;
  readonly ended: number;
}

/** What a program did below a directory. */
export interface DiskTrace {
  /** A power cut after line n, for every n. */
  readonly length: number;
  /** Names that have appeared by then, whether or not that is durable. */
  linked(moment: number): readonly string[];
  /** Of those, the ones that a power cut cannot take away. */
  durable(moment: number): readonly string[];
  /** Says whether the content of a name that has appeared was durable when it did. */
  hadContent(name: string): boolean;
}

const KINDS = {
  write: 'write',
  pwrite64: 'write',
  writev: 'write',
  fsync: 'sync',
  fdatasync: 'sync',
  link: 'link',
  linkat: 'link',
  rename: 'link',
  renameat: 'link',
  renameat2: 'link',
  mkdir: 'mkdir',
  mkdirat: 'mkdir',
} as const;

/** Runs a program and watches what it does below `root`. */
export function traceDisk(
  root: string,
  log: string,
  run: { readonly args: readonly string[]; readonly env: NodeJS.ProcessEnv },
): DiskTrace {
  const options = ['-f', '-y', '-s', '0', '-e', `trace=${Object.keys(KINDS).join(',')}`, '-o', log];
  execFileSync('strace', [...options, process.execPath, ...run.args], { env: run.env, stdio: 'pipe' });
  const lines = readFileSync(log, 'utf8').split('\n');
  return new Trace(callsOf(lines, root), lines.length);
}

function callsOf(lines: readonly string[], root: string): readonly Call[] {
  const calls: Call[] = [];
  const open = new Map<string, Omit<Call, 'ended'>>();
  const path = new RegExp(`[<"]${root}(/[^>"]*)?[>"]`, 'gu');
  for (const [at, line] of lines.entries()) {
    const [, pid = '', resumed, name = '', rest = ''] = /^(\d+) +(<\.\.\. )?(\w+)(.*)$/u.exec(line) ?? [];
    if (!(name in KINDS)) continue;
    const waiting = open.get(pid);
    open.delete(pid);
    if (resumed !== undefined) {
      if (waiting !== undefined && /= \d+/u.test(rest)) calls.push({ ...waiting, ended: at });
      continue;
    }
    const paths = [...rest.matchAll(path)].map(([, found = '']) => found);
    const call = { kind: KINDS[name as keyof typeof KINDS], paths, begun: at };
    if (paths.length === 0) continue;
    if (rest.includes('<unfinished')) open.set(pid, call);
    else if (/= \d+/u.test(rest)) calls.push({ ...call, ended: at });
  }
  return calls;
}

class Trace implements DiskTrace {
  readonly length: number;
  readonly #calls: readonly Call[];
  readonly #made: ReadonlyMap<string, Call>;

  constructor(calls: readonly Call[], length: number) {
    this.#calls = calls;
    this.length = length;
    const making = calls.filter(({ kind }) => kind === 'link' || kind === 'mkdir');
    this.#made = new Map(making.map((call) => [call.paths.at(-1) ?? '', call]));
  }

  linked(moment: number): readonly string[] {
    const links = [...this.#made].filter(([, { kind, ended }]) => kind === 'link' && ended <= moment);
    return links.map(([name]) => name.slice(1));
  }

  durable(moment: number): readonly string[] {
    return this.linked(moment).filter((name) => this.#isDurable(`/${name}`, moment) && this.hadContent(name));
  }

  hadContent(name: string): boolean {
    const link = this.#made.get(`/${name}`);
    const temporary = link?.paths[0];
    const written = this.#calls.filter(({ kind, paths }) => kind === 'write' && paths[0] === temporary);
    const last = Math.max(-1, ...written.map(({ ended }) => ended));
    return link !== undefined && this.#isSynced(temporary ?? '', last, link.begun);
  }

  /** Its name, and those of the directories above that were made meanwhile. */
  #isDurable(path: string, moment: number): boolean {
    const made = this.#made.get(path);
    if (made === undefined) return true;
    const parent = dirname(path);
    return (
      this.#isSynced(parent === '/' ? '' : parent, made.ended, moment) && this.#isDurable(parent, moment)
    );
  }

  #isSynced(path: string, after: number, moment: number): boolean {
    return this.#calls.some(
      ({ kind, paths, begun, ended }) =>
        kind === 'sync' && paths[0] === path && begun > after && ended <= moment,
    );
  }
}
