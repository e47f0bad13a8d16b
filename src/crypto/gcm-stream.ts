/** AES-256-GCM of what does not fit in memory, without additional data; on node:crypto alone. */

import { createCipheriv, createDecipheriv } from 'node:crypto';

const TAG_BYTES = 16;

/** A running encryption. */
export interface GcmSealing {
  update(plaintext: Uint8Array): Uint8Array;
  /** Ends it. @returns the 16-byte authentication tag. */
  finish(): Uint8Array;
}

/** A running decryption. What it gives counts only when {@link finish} says so. */
export interface GcmOpening {
  update(ciphertext: Uint8Array): Uint8Array;
  /** Ends it. @returns whether the authentication tag verifies. */
  finish(): boolean;
}

/** Begins an encryption. @param nonce - 12 bytes, never used twice with one key. */
export function startGcmSealing(key: Uint8Array, nonce: Uint8Array): GcmSealing {
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  return {
    update: (plaintext) => cipher.update(plaintext),
    finish() {
      cipher.final();
      return cipher.getAuthTag();
    },
  };
}

/** Begins a decryption. */
export function startGcmOpening(key: Uint8Array, nonce: Uint8Array, tag: Uint8Array): GcmOpening {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(tag);
  return {
    update: (ciphertext) => decipher.update(ciphertext),
    finish() {
      try {
        decipher.final();
        return true;
      } catch {
        return false;
      }
    },
  };
}
