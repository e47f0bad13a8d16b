/** Finding the key of a backup of version 1: both eras are tried, for nothing in a file says which is its own. */

import type { CryptoProvider } from '../../crypto/provider.js';
import { isNbakError, NbakError } from '../../errors.js';
import type { V1Entry, V1Era } from '../../format/v1/manifest.js';
import { V1_ERAS, v1FileKey } from '../../vault/v1-key.js';
import { checkV1File, type V1Reading } from './content.js';
import type { V1Directory } from './directory.js';

/** A key that opens a backup's files. */
export interface V1Key {
  readonly bytes: Uint8Array;
  /** Whose derivation it is; not always what the manifest suggests. */
  readonly era: V1Era;
}

/** Files that are tried: one that was damaged must not make the right key look wrong. */
const MOST_PROBES = 8;

/**
 * The key that opens an encrypted backup, undefined for one that is not encrypted.
 *
 * @param vaultKey - any text; its ends are tried with and without white space, as the applications differed there.
 * @throws NbakError `KEY_MISSING`; `KEY_WRONG` naming what was tried.
 */
export function findV1Key(
  crypto: CryptoProvider,
  backup: V1Directory,
  vaultKey: string | undefined,
): V1Key | undefined {
  const { manifest, path } = backup;
  if (!manifest.encrypted) return undefined;
  if (vaultKey === undefined || vaultKey === '') {
    throw new NbakError('KEY_MISSING', `${path} is encrypted, and no vault key was given for it`, {
      details: { backup: path, era: manifest.era },
      hint: `Give the vault key of ${manifest.era} with NBAK_FROM_VAULT_KEY or --from-vault-key-file.`,
    });
  }
  const texts = [...new Set([vaultKey, vaultKey.trim()])];
  const eras = [manifest.era, ...V1_ERAS.filter((era) => era !== manifest.era)];
  const keys = texts.flatMap((text) => eras.map((era) => ({ era, bytes: v1FileKey(crypto, text, era) })));
  const probes = [...backup.files].sort((a, b) => a.size - b.size).slice(0, MOST_PROBES);
  let hasFailed = false;
  for (const entry of probes) {
    // What is damaged, or not encrypted at all, says nothing about a key.
    if (!passes({ crypto, backup, key: undefined }, entry)) continue;
    const key = keys.find(({ bytes }) => passes({ crypto, backup, key: bytes }, entry));
    if (key !== undefined) return key;
    hasFailed = true;
  }
  // With no file to tell by, none is needed.
  if (!hasFailed) return keys[0];
  throw new NbakError(
    'KEY_WRONG',
    `The vault key does not open ${path}, neither as ${eras.join(' nor as ')}`,
    {
      details: { backup: path, tried: eras },
      hint: `Give the vault key that ${manifest.era} had when it made this backup, exactly as it was configured.`,
    },
  );
}

function passes(reading: V1Reading, entry: V1Entry): boolean {
  try {
    checkV1File(reading, entry);
    return true;
  } catch (error) {
    if (!isNbakError(error)) throw error;
    return false;
  }
}
