/** Creating a repository. Implements §17.1. */

import type { CryptoProvider } from '../crypto/provider.js';
import { NbakError } from '../errors.js';
import { SIGNED_TYPES } from '../format/cose.js';
import { toHex } from '../format/bytes.js';
import { idFromBytes, type RepositoryId } from '../format/ids.js';
import type { NamesMode } from '../format/manifest.js';
import { encodeRepositoryObject } from '../format/repository-object.js';
import type { Storage } from '../storage/storage.js';
import { createFirstEpoch } from '../vault/epoch.js';
import { epochName, REPOSITORY_NAME } from './object-names.js';

/** What `init` made. */
export interface CreatedRepository {
  readonly id: RepositoryId;
  /** The admin public key, 32 bytes: what users pin. */
  readonly verificationKey: Uint8Array;
}

/**
 * Creates a repository in an empty storage.
 *
 * @param options.keyBytes - the key bytes of a vault key that `assertUnguessable` accepted.
 * @throws NbakError `REPOSITORY_EXISTS` when there is one, or anything else, in that place; a STORAGE code.
 */
export async function initRepository(
  storage: Storage,
  crypto: CryptoProvider,
  options: { readonly keyBytes: Uint8Array; readonly names: NamesMode; readonly now: number },
): Promise<CreatedRepository> {
  for await (const { name } of storage.list('')) {
    throw new NbakError(
      'REPOSITORY_EXISTS',
      `There is a repository, or something else, at ${storage.description} already`,
      {
        details: { repository: storage.description, found: name },
        hint: 'Choose an empty or absent directory.',
      },
    );
  }
  const id = idFromBytes<RepositoryId>(crypto.randomBytes(16));
  const { record, admin } = createFirstEpoch(crypto, id, {
    keyBytes: options.keyBytes,
    created: options.now,
  });
  const payload = encodeRepositoryObject({
    id,
    admin: admin.publicKey,
    names: options.names,
    created: options.now,
  });
  // The repository exists when `repository` does, so it comes last.
  await storage.put(epochName(1, toHex(crypto.sha256(record))), record);
  await storage.put(REPOSITORY_NAME, admin.sign(SIGNED_TYPES.repository, payload));
  return { id, verificationKey: admin.publicKey };
}
