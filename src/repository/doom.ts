/** What prune announced to delete. Implements §13.6 for readers. */

import { isNbakError } from '../errors.js';
import { SIGNED_TYPES } from '../format/cose.js';
import { LIMITS } from '../format/limits.js';
import { decodeDoomNote } from '../format/notes.js';
import { parseName } from './object-names.js';
import type { Repository } from './open.js';
import { readHashed } from './read-object.js';

/** The names of all doomed objects. A note that does not verify dooms nothing; `verify` reports it. */
export async function readDoomed(repository: Repository): Promise<ReadonlySet<string>> {
  const doomed = new Set<string>();
  for await (const { name } of repository.storage.list('doom/')) {
    if (parseName(name).kind !== 'doom') continue;
    try {
      const bytes = await readHashed(repository, name, LIMITS.manifestBytes);
      const expected = { type: SIGNED_TYPES.doom, role: 'admin', what: name } as const;
      for (const object of decodeDoomNote(repository.keyRing.verify(bytes, expected).payload).objects)
        doomed.add(object);
    } catch (error) {
      if (!isNbakError(error)) throw error;
    }
  }
  return doomed;
}
