/** The crypto provider on the noble libraries: for browsers, and the cross-check of the native one in tests. */

import { gcm } from '@noble/ciphers/aes.js';
import { randomBytes } from '@noble/ciphers/utils.js';
import { ed25519 } from '@noble/curves/ed25519.js';
import { expand, hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import type { CryptoProvider } from './provider.js';

/** The provider that runs wherever JavaScript does; about 30 times slower than Node's. */
export const portableCrypto: CryptoProvider = {
  sha256: (bytes) => sha256(bytes),

  startSha256() {
    const hash = sha256.create();
    return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest() };
  },

  hmacSha256: (key, message) => hmac(sha256, key, message),
  hkdfSha256: (ikm, salt, info, length) => hkdf(sha256, ikm, salt, info, length),
  hkdfExpandSha256: (prk, info, length) => expand(sha256, prk, info, length),
  aesGcmSeal: (key, nonce, plaintext) => gcm(key, nonce).encrypt(plaintext),

  aesGcmOpen(key, nonce, sealed) {
    try {
      return gcm(key, nonce).decrypt(sealed);
    } catch {
      return undefined;
    }
  },

  ed25519PublicKey: (seed) => ed25519.getPublicKey(seed),
  ed25519Sign: (seed, message) => ed25519.sign(message, seed),

  ed25519Verify(key, signature, message) {
    try {
      // zip215 would accept what RFC 8032 and OpenSSL refuse (§4.3).
      return ed25519.verify(signature, message, key, { zip215: false });
    } catch {
      return false;
    }
  },

  randomBytes: (length) => randomBytes(length),

  equalInConstantTime(a, b) {
    if (a.length !== b.length) return false;
    let difference = 0;
    for (let i = 0; i < a.length; i += 1) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
    return difference === 0;
  },
};
