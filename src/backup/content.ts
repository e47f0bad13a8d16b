/** The content of one file as pieces of blobs, its hash and its keyed digest. Implements §3.7 and §10.5 for writers. */

import type { CryptoProvider } from '../crypto/provider.js';
import { concatBytes } from '../format/bytes.js';
import { pathToBytes, type BytePath } from '../format/path.js';
import type { RememberedPiece } from '../repository/catalog-files.js';

/** A piece of a file's content. */
export type ContentPiece = RememberedPiece;

/** What a file's data became. */
export interface FileContent {
  /** Bytes of the file as it was read. */
  readonly size: number;
  readonly pieces: readonly ContentPiece[];
  readonly digest: Uint8Array;
  /** True when the file would not hold still while it was read. */
  readonly torn: boolean;
}

/** Keyed digests of files. */
export interface Digester {
  readonly crypto: CryptoProvider;
  readonly digestKey: Uint8Array;
}

/** `H` of §10.5 from the SHA-256 of each piece. */
export function contentHash(crypto: CryptoProvider, pieceHashes: readonly Uint8Array[]): Uint8Array {
  return crypto.sha256(concatBytes(...pieceHashes));
}

/** The digest of §3.7. */
export function contentDigest({ crypto, digestKey }: Digester, path: BytePath, hash: Uint8Array): Uint8Array {
  return crypto.hmacSha256(crypto.hmacSha256(digestKey, concatBytes(pathToBytes(path), hash)), hash);
}
