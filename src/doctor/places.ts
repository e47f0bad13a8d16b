/** Is there room, and does the cache work? */

import { accessSync, constants, statfsSync, statSync } from 'node:fs';
import { NbakError } from '../errors.js';
import { openCatalog } from '../repository/catalog.js';
import { HeadCatalog } from '../repository/catalog-heads.js';
import type { Repository } from '../repository/open.js';
import { formatVerificationKey } from '../vault/verification-key.js';
import { fileSystemOf } from './file-system.js';
import { Check, type Finding } from './finding.js';
import { nearestExisting } from '../source/real-path.js';
import type { OpenedSetUp, Places } from './set-up.js';

const MIB = 1024 * 1024;
/** Less ends the next run, whatever it is. */
const LEAST_FREE = 64 * MIB;
const COMFORTABLE = 1024 * MIB;
const STAGING = 'copies of databases (TMPDIR)';

/** Looks at the room for packs, for the catalog and for copies of databases. */
export function checkSpace(places: Places, backups: OpenedSetUp['backups'] = []): readonly Finding[] {
  const newest = backups[0]?.manifest.totals.bytes ?? 0;
  return [
    spaceFor('the repository', places.repository, Math.max(COMFORTABLE, newest)),
    spaceFor('the cache', places.cache, COMFORTABLE),
    isWritable(places.staging)
      ? spaceFor(STAGING, places.staging, COMFORTABLE)
      : new Check('space', places.staging).problem(
          `no ${STAGING} can be made`,
          'Name a writable directory for temporary files (TMPDIR).',
        ),
  ];
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function spaceFor(purpose: string, directory: string, wanted: number): Finding {
  const check = new Check('space', directory);
  const { bavail, bsize } = statfsSync(nearestExisting(directory));
  const free = bavail * bsize;
  const said = `${mebibytes(free)} free for ${purpose}`;
  const advice = 'Free space there, or choose another place.';
  if (free < LEAST_FREE) return check.problem(`only ${said}`, advice);
  if (free < wanted) return check.warning(`only ${said}; ${mebibytes(wanted)} would be comfortable`, advice);
  return check.ok(said);
}

function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / MIB).toLocaleString('en-US')} MiB`;
}

/** Looks at the cache of a repository, and at what a verifier left in it. */
export function checkCache(cache: string, repository: Repository): readonly Finding[] {
  const check = new Check('cache', cache);
  let remembered: number;
  try {
    const catalog = openCatalog(cache, repository.id);
    try {
      const pin = formatVerificationKey(repository.verificationKey);
      remembered = new HeadCatalog(catalog, pin).remembered().length;
    } finally {
      catalog.close();
    }
  } catch (error) {
    if (error instanceof NbakError) throw error;
    return [
      check.problem(
        `the cache cannot be used: ${error instanceof Error ? error.message : String(error)}`,
        'Name a writable directory with --cache-dir or NBAK_CACHE_DIR; until then everything is read anew each time.',
      ),
    ];
  }
  return [checkCacheDirectory(check, cache), checkVerification(remembered)];
}

function checkCacheDirectory(check: Check, cache: string): Finding {
  const { type, kind } = fileSystemOf(nearestExisting(cache));
  if (kind === 'network') {
    return check.warning(
      `the cache is on a network filesystem (${type}), where SQLite’s locks and shared memory are not reliable`,
      'Name a local directory with --cache-dir or NBAK_CACHE_DIR.',
    );
  }
  if ((statSync(cache).mode & 0o022) !== 0) {
    return check.warning(
      'others can write to the cache, and so hide from a verifier what was taken back',
      `chmod 700 ${cache}`,
    );
  }
  return check.ok('the cache can be used');
}

function checkVerification(remembered: number): Finding {
  const check = new Check('verification');
  return remembered > 0
    ? check.ok('the repository was verified from here, so that what is taken back will be noticed')
    : check.warning(
        'the repository was never verified from here with this key, or had no backup then',
        'Run `nbak verify` with the public key, and again from a timer; best on another machine.',
      );
}
