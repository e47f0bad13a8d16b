/**
 * Fernet tokens, version 0x80: AES-128-CBC and HMAC-SHA256 under one 32-byte key, as applications keep their
 * credentials (https://github.com/fernet/spec). Tokens at rest have no age limit, so none is applied here.
 */

import type { CryptoProvider } from './provider.js';

const VERSION = 0x80;
const KEY_BYTES = 32;
const BLOCK_BYTES = 16;
const MAC_BYTES = 32;
/** Version 1, time 8, initialisation vector 16. */
const HEADER_BYTES = 25;

/** An application's own Fernet key. */
export interface AppKey {
  readonly signing: Uint8Array;
  readonly encryption: Uint8Array;
}

/** What a token holds. */
export interface FernetContent {
  /** Seconds since 1970, as the application wrote them. */
  readonly time: bigint;
  readonly plaintext: Uint8Array;
}

/** What makes a token the one it is, besides key and content. */
export interface FernetStamp {
  /** Seconds since 1970. */
  readonly time: bigint;
  /** 16 random bytes, never used twice. */
  readonly iv: Uint8Array;
}

/** Reads an app key's text (base64url of 32 bytes, white space around it ignored); undefined when it is none. */
export function parseAppKey(text: string): AppKey | undefined {
  const bytes = decodeBase64Url(text.trim());
  if (bytes?.length !== KEY_BYTES) return undefined;
  return { signing: bytes.subarray(0, 16), encryption: bytes.subarray(16) };
}

/** The text of a new random app key: 44 characters, as Fernet's own key generation gives them. */
export function newAppKeyText(crypto: CryptoProvider): string {
  return encodeBase64Url(crypto.randomBytes(KEY_BYTES));
}

/** Makes and opens tokens. */
export class Fernet {
  readonly #crypto: CryptoProvider;
  readonly #key: AppKey;

  constructor(crypto: CryptoProvider, key: AppKey) {
    this.#crypto = crypto;
    this.#key = key;
  }

  /**
   * Makes a token.
   *
   * @throws RangeError unless the initialisation vector has 16 bytes.
   */
  seal(plaintext: Uint8Array, { time, iv }: FernetStamp): string {
    if (iv.length !== BLOCK_BYTES) throw new RangeError(`A token's IV has 16 bytes, not ${iv.length}`);
    const sealed = this.#crypto.aesCbcEncrypt(this.#key.encryption, iv, plaintext);
    const token = new Uint8Array(HEADER_BYTES + sealed.length + MAC_BYTES);
    const end = HEADER_BYTES + sealed.length;
    token[0] = VERSION;
    new DataView(token.buffer).setBigUint64(1, time);
    token.set(iv, 9);
    token.set(sealed, HEADER_BYTES);
    token.set(this.#macOf(token.subarray(0, end)), end);
    return encodeBase64Url(token);
  }

  /**
   * Opens a token. Nothing is decrypted before its MAC, compared in constant time, has verified.
   *
   * @returns undefined when the text is no token of this version or was not made with this key.
   */
  open(token: string): FernetContent | undefined {
    const bytes = decodeBase64Url(token);
    if (bytes === undefined || bytes.length < HEADER_BYTES + BLOCK_BYTES + MAC_BYTES) return undefined;
    if (bytes[0] !== VERSION) return undefined;
    const signed = bytes.subarray(0, -MAC_BYTES);
    if (!this.#crypto.equalInConstantTime(this.#macOf(signed), bytes.subarray(-MAC_BYTES))) return undefined;
    const iv = signed.subarray(9, HEADER_BYTES);
    const plaintext = this.#crypto.aesCbcDecrypt(this.#key.encryption, iv, signed.subarray(HEADER_BYTES));
    // Length or padding may be wrong though the MAC is right: whoever made the token made it so.
    return plaintext && { time: new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(1), plaintext };
  }

  #macOf(signed: Uint8Array): Uint8Array {
    return this.#crypto.hmacSha256(this.#key.signing, signed);
  }
}

function encodeBase64Url(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  return text.replaceAll('+', '-').replaceAll('/', '_');
}

/** Node skips characters it does not know; a token with any is none. Missing `=` are forgiven. */
function decodeBase64Url(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64url');
  const padded = encodeBase64Url(bytes);
  return text === padded || text === padded.replace(/=+$/, '') ? bytes : undefined;
}
