/** The key of a backup of NBAK version 1 (§31.1). */

import type { CryptoProvider } from '../crypto/provider.js';
import { utf8 } from '../format/bytes.js';
import type { V1Era } from '../format/v1/manifest.js';

/** The two derivations there are; nothing in an encrypted file says which is its own. */
export const V1_ERAS: readonly V1Era[] = ['lynox', 'nodyn'];

/**
 * Derives the key of all files of a backup from a vault key's text, taken as it is: any string, nothing trimmed.
 *
 * @returns 32 bytes.
 */
export function v1FileKey(crypto: CryptoProvider, vaultKey: string, era: V1Era): Uint8Array {
  return crypto.hkdfSha256(utf8(vaultKey), utf8(`${era}-backup`), utf8(`${era}-backup-encryption`), 32);
}
