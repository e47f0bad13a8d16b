/** Opening frames for what is to be known of their plaintext, which is dropped. */

import type { CryptoProvider } from '../crypto/provider.js';
import { BLOB_KINDS } from '../format/blob.js';
import { decodeBundle } from '../format/bundle.js';
import { BlobOpener, type BlobSecrets } from './blob-crypto.js';
import type { OpenFrame } from './pack-check.js';

/** Opens frames of every session of a repository, as {@link BlobOpener} does. */
export function frameOpener(crypto: CryptoProvider, secrets: BlobSecrets): OpenFrame {
  const opener = new BlobOpener(crypto, secrets);
  return (frame, dedup) => {
    const { plaintext, hash, header } = opener.open(frame, dedup);
    const plaintextLength = plaintext.length;
    if (header.kind !== BLOB_KINDS.bundle)
      return { pieces: [hash], lengths: [plaintextLength], plaintextLength };
    const slices = decodeBundle(plaintext);
    return {
      pieces: slices.map((slice) => crypto.sha256(slice)),
      lengths: slices.map(({ length }) => length),
      plaintextLength,
    };
  };
}
