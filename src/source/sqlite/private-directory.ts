/** The directory of one capture: seen by nobody else, gone after it, and cleaned up by the next run if that died. */
import { randomBytes } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { NbakError } from '../../errors.js';
import { isAlive, isOfThisMachine, ownIdentity, parseIdentity } from '../process-identity.js';

const PREFIX = 'nbak-capture-';
const NAME = /^nbak-capture-(\d+-\d+-[0-9a-f]{8})-[0-9a-f]{16}$/;
const FOREIGN_AGE_MS = 24 * 3600 * 1000;

/**
 * Creates a directory of mode 0700 in `staging` after removing those that dead runs left there.
 *
 * @throws NbakError `TARGET_FAILED` when `staging` cannot be written.
 */
export function createPrivateDirectory(staging: string): string {
  removeLeftovers(staging);
  const path = join(staging, `${PREFIX}${ownIdentity()}-${randomBytes(8).toString('hex')}`);
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
    const owner = parseIdentity(NAME.exec(name)?.[1] ?? '');
    if (owner === undefined) continue;
    const path = join(staging, name);
    try {
      const stat = lstatSync(path);
      if (!stat.isDirectory() || stat.uid !== process.geteuid?.() || (stat.mode & 0o777) !== 0o700) continue;
      if (isOfThisMachine(owner) ? !isAlive(owner) : Date.now() - stat.mtimeMs > FOREIGN_AGE_MS)
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
