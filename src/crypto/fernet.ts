/**
 * Fernet tokens, version 0x80: AES-128-CBC and HMAC-SHA256 under one 32-byte key, as applications keep their
 * credentials (https://github.com/fernet/spec). Tokens at rest have no age limit, so none is applied here.
 */

import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';

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

/**
 * Makes a token.
 *
 * @throws RangeError unless the initialisation vector has 16 bytes.
 */
export function sealFernet(key: AppKey, plaintext: Uint8Array, { time, iv }: FernetStamp): string {
  if (iv.length !== BLOCK_BYTES)
    throw new RangeError(`sealFernet expects an IV of 16 bytes, got ${iv.length}`);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt8(VERSION, 0);
  header.writeBigUInt64BE(time, 1);
  header.set(iv, 9);
  const cipher = createCipheriv('aes-128-cbc', key.encryption, iv);
  const signed = Buffer.concat([header, cipher.update(plaintext), cipher.final()]);
  return encodeBase64Url(Buffer.concat([signed, macOf(key, signed)]));
}

/**
 * Opens a token. Nothing is decrypted before its MAC, compared in constant time, has verified.
 *
 * @returns undefined when the text is no token of this version or was not made with this key.
 */
export function openFernet(key: AppKey, token: string): FernetContent | undefined {
  const bytes = decodeBase64Url(token);
  if (bytes === undefined || bytes.length < HEADER_BYTES + BLOCK_BYTES + MAC_BYTES) return undefined;
  if (bytes[0] !== VERSION) return undefined;
  const signed = bytes.subarray(0, -MAC_BYTES);
  if (!timingSafeEqual(macOf(key, signed), bytes.subarray(-MAC_BYTES))) return undefined;
  const decipher = createDecipheriv('aes-128-cbc', key.encryption, signed.subarray(9, HEADER_BYTES));
  try {
    const start = decipher.update(signed.subarray(HEADER_BYTES));
    return { time: signed.readBigUInt64BE(1), plaintext: Buffer.concat([start, decipher.final()]) };
  } catch {
    // Length or padding is wrong though the MAC is right: whoever made the token made it so.
    return undefined;
  }
}

function macOf({ signing }: AppKey, signed: Uint8Array): Buffer {
  return createHmac('sha256', signing).update(signed).digest();
}

function encodeBase64Url(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}

/** Node skips characters it does not know; a token with any is none. Missing `=` are forgiven. */
function decodeBase64Url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  const padded = encodeBase64Url(bytes);
  return text === padded || text === padded.replace(/=+$/, '') ? bytes : undefined;
}
