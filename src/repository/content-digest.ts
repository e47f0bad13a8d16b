/** The hash of a file's content and its keyed digest, for writers, readers and verifiers alike. Implements §3.7 and §10.5. */

import type { CryptoProvider } from '../crypto/provider.js';
import { concatBytes } from '../format/bytes.js';
import { pathToBytes, type BytePath } from '../format/path.js';

/** `H` of §10.5 from the SHA-256 of each piece, of which a large database has hundreds of thousands. */
export function contentHash(crypto: CryptoProvider, pieceHashes: readonly Uint8Array[]): Uint8Array {
  const [only] = pieceHashes;
  // Most files are one piece, and a running hash costs several times what it hashes.
  if (only !== undefined && pieceHashes.length === 1) return crypto.sha256(only);
  const running = crypto.startSha256();
  for (const hash of pieceHashes) running.update(hash);
  return running.digest();
}

/**
 * The digest of §3.7.
 *
 * @param digestKey - of the dedup secret whose number the page states.
 * @param hash - `H`, from {@link contentHash}.
 */
export function contentDigest(
  { crypto, digestKey }: { readonly crypto: CryptoProvider; readonly digestKey: Uint8Array },
  path: BytePath,
  hash: Uint8Array,
): Uint8Array {
  return crypto.hmacSha256(crypto.hmacSha256(digestKey, concatBytes(pathToBytes(path), hash)), hash);
}
