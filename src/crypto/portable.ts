/** The crypto provider on the noble libraries: for browsers, and the cross-check of the native one in tests. */

import { cbc, gcm } from '@noble/ciphers/aes.js';
import { randomBytes } from '@noble/ciphers/utils.js';
import { ed25519 } from '@noble/curves/ed25519.js';
import { expand, hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { ZERO_NONCE, type CryptoProvider } from './provider.js';

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
  aesGcmSealInto(key, nonce, parts, target) {
    let end = 0;
    for (const part of parts) {
      target.set(part, end);
      end += part.length;
    }
    target.set(gcm(key, nonce).encrypt(target.subarray(0, end)));
  },

  aesGcmOpen(key, nonce, sealed) {
    try {
      return gcm(key, nonce).decrypt(sealed);
    } catch {
      return undefined;
    }
  },

  aesGcmOpenInto(key, nonce, sealed, target) {
    const plaintext = portableCrypto.aesGcmOpen(key, nonce, sealed);
    if (plaintext === undefined) return false;
    target.set(plaintext);
    return true;
  },

  gmac: (key, bytes) => gcm(key, ZERO_NONCE, bytes).encrypt(new Uint8Array(0)),

  aesCbcEncrypt: (key, iv, plaintext) => cbc(key, iv).encrypt(plaintext),

  aesCbcDecrypt(key, iv, ciphertext) {
    try {
      return cbc(key, iv).decrypt(ciphertext);
    } catch {
      return undefined;
    }
  },

  ed25519PublicKey: (seed) => ed25519.getPublicKey(seed),
  ed25519Signer: (seed) => (message) => ed25519.sign(message, seed),

  ed25519Verify(key, signature, message) {
    const r = signature.subarray(0, 32);
    const s = littleEndian(signature.subarray(32));
    if (signature.length !== 64 || s >= ORDER) return false;
    // Noble multiplies by the cofactor even with `zip215: false`; §4.3 and OpenSSL do not.
    try {
      const point = Point.fromBytes(key);
      const k = littleEndian(sha512.create().update(r).update(key).update(message).digest()) % ORDER;
      return equalInConstantTime(times(Point.BASE, s).subtract(times(point, k)).toBytes(), r);
    } catch {
      return false;
    }
  },

  randomBytes: (length) => randomBytes(length),

  equalInConstantTime,
};

const { Point } = ed25519;
const ORDER = Point.Fn.ORDER;

/** `scalar` times `point`, for public values only. */
function times(point: InstanceType<typeof Point>, scalar: bigint): InstanceType<typeof Point> {
  return scalar === 0n ? Point.ZERO : point.multiplyUnsafe(scalar);
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

function equalInConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i += 1) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}
