/** The primitives of §1 behind one small interface, so that the engine can run on Node's crypto or portably. */

/** The nonce of keys that seal one message each (§1). */
export const ZERO_NONCE = new Uint8Array(12);

/** A running SHA-256. */
export interface RunningSha256 {
  update(bytes: Uint8Array): void;
  /** Ends the computation; the object must not be used again. */
  digest(): Uint8Array;
}

/** The primitives of §1. Implementations never retain or change the arrays they are given. */
export interface CryptoProvider {
  sha256(bytes: Uint8Array): Uint8Array;
  startSha256(): RunningSha256;
  hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array;
  /** RFC 5869, extract then expand. */
  hkdfSha256(ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array;
  /** RFC 5869 §2.3 alone. */
  hkdfExpandSha256(prk: Uint8Array, info: Uint8Array, length: number): Uint8Array;
  /** AES-256-GCM with empty additional data. @returns ciphertext ‖ 16-byte authentication tag. */
  aesGcmSeal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /**
   * The same into memory of the caller's, for bulk: seals the concatenation of `parts`.
   *
   * @param target - as long as the parts together plus 16 bytes; must not overlap them.
   */
  aesGcmSealInto(key: Uint8Array, nonce: Uint8Array, parts: readonly Uint8Array[], target: Uint8Array): void;
  /** @returns the plaintext, or undefined when the authentication tag does not verify; never unverified bytes. */
  aesGcmOpen(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array): Uint8Array | undefined;
  /**
   * As {@link aesGcmOpen}, into the beginning of `target`, whose bytes count only when the answer is true: who opens
   * many of them need not allocate for each.
   */
  aesGcmOpenInto(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, target: Uint8Array): boolean;
  /**
   * GMAC under a nonce of zeros (§1), 16 bytes. The answer must stay secret: two of them under one key give its hash key
   * away (§3.12).
   */
  gmac(key: Uint8Array, bytes: Uint8Array): Uint8Array;
  /** AES-128-CBC with PKCS #7 padding (RFC 5652 §6.3), for Fernet alone: it authenticates nothing. */
  aesCbcEncrypt(key: Uint8Array, iv: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /** @returns undefined when length or padding is wrong; to be called only once a MAC over `ciphertext` has verified. */
  aesCbcDecrypt(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined;
  /** The public key of a 32-byte seed (RFC 8032 §5.1.5). */
  ed25519PublicKey(seed: Uint8Array): Uint8Array;
  /** What signs with a seed: what it makes of the seed is made once, and lives as long as it does. */
  ed25519Signer(seed: Uint8Array): (message: Uint8Array) => Uint8Array;
  /** Cofactorless, S canonical (§4.3). The key must have passed `assertAcceptablePublicKey`. */
  ed25519Verify(publicKey: Uint8Array, signature: Uint8Array, message: Uint8Array): boolean;
  randomBytes(length: number): Uint8Array;
  /** Compares in time that depends on the lengths alone. */
  equalInConstantTime(a: Uint8Array, b: Uint8Array): boolean;
}
