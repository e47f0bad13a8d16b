/** AES-256-GCM, and the form `commitment ‖ ciphertext ‖ tag` of records and slots (spec §13.2, §13.4). */
import { gcm } from '@noble/ciphers/aes.js';
import { concat, equal, zeros } from './bytes.js';
import type { CommittedKey } from './schedule.js';

export const encrypt = (key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array): Uint8Array =>
  gcm(key, nonce).encrypt(plaintext);

/** GMAC (spec §1): what authenticates additional data alone. */
export const gmac = (key: Uint8Array, bytes: Uint8Array): Uint8Array =>
  gcm(key, zeros(12), bytes).encrypt(new Uint8Array());

/** The plaintext, or nothing where the authentication tag fails. */
export function decrypt(key: Uint8Array, nonce: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
  try {
    return gcm(key, nonce).decrypt(ciphertext);
  } catch {
    return undefined;
  }
}

/** Seals under a key that is used once, hence with the nonce 0. */
export const sealOnce = (keys: CommittedKey, plaintext: Uint8Array): Uint8Array =>
  concat(keys.commitment, encrypt(keys.key, zeros(12), plaintext));

/** The plaintext, or nothing where commitment or authentication tag fail. */
export function openOnce(keys: CommittedKey, sealed: Uint8Array): Uint8Array | undefined {
  if (sealed.length < 48 || !equal(sealed.subarray(0, 32), keys.commitment)) return undefined;
  return decrypt(keys.key, zeros(12), sealed.subarray(32));
}
