/** Naming a process for good, so that what it left behind can be told from what it still uses. */

import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';

/** A process of this machine, or of another boot or container of it. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot: pids come back. */
  readonly start: string;
  /** Of boot and pid namespace: pids of others mean nothing here. */
  readonly machine: string;
}

const TEXT = /^(\d+)-(\d+)-([0-9a-f]{8})$/;

/** This process as text of digits, letters and two hyphens, for names of files. */
export function ownIdentity(): string {
  return `${process.pid}-${processFacts(process.pid)?.start ?? '0'}-${machineToken()}`;
}

/** Reads what {@link ownIdentity} wrote; undefined when it is something else. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  const [, pid, start, machine] = TEXT.exec(text) ?? [];
  if (pid === undefined || start === undefined || machine === undefined) return undefined;
  return { pid: Number(pid), start, machine };
}

/** Says whether a process can be looked at from here. */
export function isOfThisMachine({ machine }: ProcessIdentity): boolean {
  return machine === machineToken();
}

/** Says whether a process of this machine still runs. */
export function isAlive({ pid, start }: ProcessIdentity): boolean {
  const found = processFacts(pid);
  // A killed process that nobody has waited for yet is a zombie: it holds nothing any more.
  if (found !== undefined) return found.start === start && found.state !== 'Z' && found.state !== 'X';
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Clock ticks in a second: what Linux calls USER_HZ, and has never changed where Node runs. */
const TICKS_PER_SECOND = 100;

/** When a process began to run, milliseconds since 1970, to a second; undefined where none has this number. */
export function startedAt(pid: number): number | undefined {
  const facts = processFacts(pid);
  if (facts === undefined || facts.state === 'Z' || facts.state === 'X') return undefined;
  return (bootTime() + Number(facts.start) / TICKS_PER_SECOND) * 1000;
}

/** Seconds since 1970. */
function bootTime(): number {
  return Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1] ?? 0);
}

function processFacts(pid: number): { readonly state: string; readonly start: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the program's name, in parentheses, and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', start: fields[19] ?? '' };
  } catch {
    return undefined;
  }
}

function machineToken(): string {
  const facts = [
    () => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1'),
    () => readlinkSync('/proc/self/ns/pid'),
  ].map((read) => {
    try {
      return read();
    } catch {
      return '';
    }
  });
  return createHash('sha256').update(facts.join('\n')).digest('hex').slice(0, 8);
}
