/** Looks at a set-up as a whole: keys, places, sources, backups. Repairs nothing. */

import { resolve } from 'node:path';
import { isNbakError, type NbakError } from '../errors.js';
import { checkClock, checkLastBackups, checkManifests, sourcesOf } from './backups.js';
import { Check, type CheckName, type Finding } from './finding.js';
import { checkPublicKey, checkVaultKey } from './keys.js';
import { checkCache, checkSpace } from './places.js';
import type { OpenedSetUp, SetUp } from './set-up.js';
import { checkSource } from './sources.js';
import { checkSystem } from './system.js';

/**
 * Examines a set-up. What one check finds keeps no other from being made, but for those that need what did not open.
 *
 * @remarks Writes nothing but the cache.
 * @returns findings in the order of spec/cli.md; a thing that is well has one too.
 */
export async function examine(setUp: SetUp): Promise<readonly Finding[]> {
  const now = Date.now();
  const opened = await open(setUp);
  const known = 'repository' in opened ? opened : undefined;
  const sources = setUp.sources.map((source) => resolve(source));
  const usual = known === undefined ? [] : sourcesOf(known.backups, setUp.host);
  return [
    ...checkVaultKey(setUp),
    checkPublicKey(setUp),
    ...('repository' in opened ? checkManifests(opened) : [opened]),
    ...(known === undefined ? [] : [await checkClock(known.repository, known.backups, now)]),
    ...checkSpace(setUp.places, known?.backups),
    ...(known === undefined ? [] : checkCache(setUp.places.cache, known.repository)),
    checkSystem(),
    ...(sources.length > 0 ? sources : usual).flatMap((source) =>
      checkSource(source, setUp.places.repository),
    ),
    ...(known === undefined ? [] : checkLastBackups(known, { ...setUp, sources }, now)),
  ];
}

async function open(setUp: SetUp): Promise<OpenedSetUp | Finding> {
  try {
    return await setUp.open();
  } catch (error) {
    if (!isNbakError(error) || error.code === 'USAGE_INVALID' || error.code === 'INTERRUPTED') throw error;
    return new Check(checkOf(error)).failed(error);
  }
}

/** Which check an error in opening belongs to. */
function checkOf({ code }: NbakError): CheckName {
  if (code === 'SIGNER_UNKNOWN' || code.startsWith('PUBLIC_KEY_')) return 'public-key';
  return code.startsWith('KEY_') ? 'vault-key' : 'repository';
}
