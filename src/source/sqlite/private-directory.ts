/** The directory of one capture: seen by nobody else, gone after it, and cleaned up by the next run if that died. */
import { createHash, randomBytes } from 'node:crypto';
import { lstatSync, mkdirSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { NbakError } from '../../errors.js';

const PREFIX = 'nbak-capture-';
const NAME = /^nbak-capture-(\d+)-(\d+)-([0-9a-f]{8})-[0-9a-f]{16}$/;
const FOREIGN_AGE_MS = 24 * 3600 * 1000;

/**
 * Creates a directory of mode 0700 in `staging` after removing those that dead runs left there.
 *
 * @throws NbakError `TARGET_FAILED` when `staging` cannot be written.
 */
export function createPrivateDirectory(staging: string): string {
  removeLeftovers(staging);
  const name = `${PREFIX}${process.pid}-${startTime(process.pid) ?? '0'}-${machineToken()}-${randomBytes(8).toString('hex')}`;
  const path = join(staging, name);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    throw new NbakError('TARGET_FAILED', `No private directory can be made in ${staging}`, {
      details: { path: staging, reason: (error as NodeJS.ErrnoException).code ?? 'unknown' },
      hint: 'Name a writable place for temporary files (TMPDIR).',
      cause: error,
    });
  }
  return path;
}

/** Removes a directory that {@link createPrivateDirectory} made; nothing happens when it is gone. */
export function removePrivateDirectory(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 3 });
}

/**
 * Removes directories with our naming, our owner and mode 0700 whose process is dead. A process of another boot or
 * container cannot be looked at: its directory goes after 24 hours.
 */
function removeLeftovers(staging: string): void {
  for (const name of listOrNothing(staging)) {
    const [, pid, start, token] = NAME.exec(name) ?? [];
    if (pid === undefined) continue;
    const path = join(staging, name);
    try {
      const stat = lstatSync(path);
      if (!stat.isDirectory() || stat.uid !== process.geteuid?.() || (stat.mode & 0o777) !== 0o700) continue;
      const isOurs = token === machineToken();
      if (isOurs ? !isAlive(Number(pid), start ?? '') : Date.now() - stat.mtimeMs > FOREIGN_AGE_MS)
        removePrivateDirectory(path);
    } catch {
      // Removed by another run at the same time, or not removable: this run works without.
    }
  }
}

function listOrNothing(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function isAlive(pid: number, start: string): boolean {
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

/** Start of a process in clock ticks since boot: with the pid it names a process for good, pids come back. */
function startTime(pid: number): string | undefined {
  return processFacts(pid)?.start;
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
