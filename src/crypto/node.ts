/** The crypto provider on Node's OpenSSL: the fast one, used by the program. */

import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  hash,
  hkdfSync,
  randomBytes,
  sign,
  timingSafeEqual,
  verify,
  type KeyObject,
} from 'node:crypto';
import { freeAnswer } from './answers.js';
import { ZERO_NONCE, type CryptoProvider } from './provider.js';

const TAG_BYTES = 16;
/** At a time: a chunk of a database, and so much that it is still in the processor's cache when it is copied. */
const STEP_BYTES = 128 * 1024;
// RFC 8410 wrappers: node:crypto takes Ed25519 keys as DER only.
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** What SHA-256 works on at a time, and what it gives. */
const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;
/** Messages up to here are copied behind the padded key; for longer ones that would cost more than it saves. */
const SHORT_BYTES = 1024;
/** The two inputs of HMAC: one computation at a time, and none awaits anything. */
const innerInput = new Uint8Array(BLOCK_BYTES + SHORT_BYTES);
const outerInput = new Uint8Array(BLOCK_BYTES + DIGEST_BYTES);

/** A digest as text: in one call without an object, a quarter of what it takes as a Buffer with memory of its own. */
function sha256Text(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'binary');
}

function fromLatin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return bytes;
}

function privateKey(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
}

function publicKey(bytes: Uint8Array): KeyObject {
  const name = Buffer.from(bytes).toString('hex');
  const known = publicKeys.get(name);
  if (known !== undefined) return known;
  const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, bytes]), format: 'der', type: 'spki' });
  publicKeys.set(name, key);
  return key;
}

/** Making a key object costs as much as using it; a run meets a handful of accepted keys. */
const publicKeys = new Map<string, KeyObject>();

/** The provider on node:crypto. */
export const nodeCrypto: CryptoProvider = {
  sha256: (bytes) => fromLatin1(sha256Text(bytes)),

  startSha256() {
    const running = createHash('sha256');
    return { update: (bytes) => void running.update(bytes), digest: () => running.digest() };
  },

  hmacSha256(key, message) {
    if (key.length > BLOCK_BYTES || message.length > SHORT_BYTES)
      return createHmac('sha256', key).update(message).digest();
    // RFC 2104 over the one-shot hash: objects of createHmac cost several times their hashing, and again when collected.
    for (let i = 0; i < BLOCK_BYTES; i += 1) {
      const byte = key[i] ?? 0;
      innerInput[i] = byte ^ 0x36;
      outerInput[i] = byte ^ 0x5c;
    }
    innerInput.set(message, BLOCK_BYTES);
    outerInput.set(fromLatin1(sha256Text(innerInput.subarray(0, BLOCK_BYTES + message.length))), BLOCK_BYTES);
    const tag = fromLatin1(sha256Text(outerInput));
    innerInput.fill(0, 0, BLOCK_BYTES + message.length);
    outerInput.fill(0);
    return tag;
  },

  hkdfSha256: (ikm, salt, info, length) => new Uint8Array(hkdfSync('sha256', ikm, salt, info, length)),

  hkdfExpandSha256(prk, info, length) {
    const blocks: Uint8Array[] = [];
    let previous: Uint8Array = new Uint8Array(0);
    for (let i = 1; blocks.length * DIGEST_BYTES < length; i += 1) {
      previous = nodeCrypto.hmacSha256(prk, Buffer.concat([previous, info, Buffer.of(i)]));
      blocks.push(previous);
    }
    return Buffer.concat(blocks).subarray(0, length);
  },

  aesGcmSeal(key, nonce, plaintext) {
    const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
    return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  },

  aesGcmSealInto(key, nonce, parts, target) {
    const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
    const into = Buffer.from(target.buffer, target.byteOffset, target.length);
    let end = 0;
    for (const part of parts) {
      for (let start = 0; start < part.length; start += STEP_BYTES) {
        const sealed = cipher.update(part.subarray(start, start + STEP_BYTES));
        // Into shared memory V8's `set` copies byte by byte, six times as slowly.
        into.fill(sealed, end, end + sealed.length);
        end += sealed.length;
        freeAnswer(sealed);
      }
    }
    cipher.final();
    target.set(cipher.getAuthTag(), end);
  },

  aesGcmOpen(key, nonce, sealed) {
    const plaintext = new Uint8Array(Math.max(0, sealed.length - TAG_BYTES));
    return nodeCrypto.aesGcmOpenInto(key, nonce, sealed, plaintext) ? plaintext : undefined;
  },

  aesGcmOpenInto(key, nonce, sealed, target) {
    if (sealed.length < TAG_BYTES) return false;
    const end = sealed.length - TAG_BYTES;
    // §1.1: without authTagLength Node accepts tags of 4 bytes.
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAuthTag(sealed.subarray(end));
    for (let offset = 0; offset < end; offset += STEP_BYTES) {
      const opened = decipher.update(sealed.subarray(offset, Math.min(end, offset + STEP_BYTES)));
      target.set(opened, offset);
      freeAnswer(opened);
    }
    try {
      decipher.final();
      return true;
    } catch {
      return false;
    }
  },

  gmac(key, bytes) {
    const cipher = createCipheriv('aes-256-gcm', key, ZERO_NONCE, { authTagLength: TAG_BYTES });
    cipher.setAAD(bytes);
    cipher.final();
    return cipher.getAuthTag();
  },

  aesCbcEncrypt(key, iv, plaintext) {
    const cipher = createCipheriv('aes-128-cbc', key, iv);
    return Buffer.concat([cipher.update(plaintext), cipher.final()]);
  },

  aesCbcDecrypt(key, iv, ciphertext) {
    const decipher = createDecipheriv('aes-128-cbc', key, iv);
    try {
      return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
    } catch {
      return undefined;
    }
  },

  ed25519PublicKey: (seed) =>
    createPublicKey(privateKey(seed)).export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX.length),

  ed25519Signer(seed) {
    let key: KeyObject | undefined;
    return (message) => sign(null, message, (key ??= privateKey(seed)));
  },

  ed25519Verify: (key, signature, message) =>
    signature.length === 64 && verify(null, message, publicKey(key), signature),

  randomBytes: (length) => randomBytes(length),

  equalInConstantTime: (a, b) => a.length === b.length && timingSafeEqual(a, b),
};
