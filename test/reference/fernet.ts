/** Fernet tokens as their specification has them (spec §2.6). */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { concat, equal, u64 } from './bytes.js';
import { demand, fail } from './fail.js';

const TEXT = /^[A-Za-z0-9_-]*={0,2}$/;

function decode(text: string): Uint8Array {
  demand(TEXT.test(text), 'TOKEN_DEAD', '§2.6', 'not base64url');
  return Buffer.from(text, 'base64url');
}

const encode = (bytes: Uint8Array): string =>
  Buffer.from(bytes).toString('base64').replaceAll('+', '-').replaceAll('/', '_');

function keysOf(text: string): { readonly signing: Uint8Array; readonly encryption: Uint8Array } {
  const bytes = Buffer.from(text.trim(), 'base64url');
  demand(TEXT.test(text.trim()) && bytes.length === 32, 'APP_KEY_MALFORMED', '§2.6', 'not 32 bytes');
  return { signing: bytes.subarray(0, 16), encryption: bytes.subarray(16) };
}

const mac = (key: Uint8Array, signed: Uint8Array): Uint8Array =>
  createHmac('sha256', key).update(signed).digest();

/** Makes a token. */
export function sealFernet(input: {
  readonly key: string;
  readonly plaintext: string;
  readonly time: number;
  readonly iv: Uint8Array;
}): string {
  const { signing, encryption } = keysOf(input.key);
  const cipher = createCipheriv('aes-128-cbc', encryption, input.iv);
  const sealed = concat(cipher.update(input.plaintext, 'utf8'), cipher.final());
  const signed = concat(Uint8Array.of(0x80), u64(BigInt(input.time)), input.iv, sealed);
  return encode(concat(signed, mac(signing, signed)));
}

/** Opens a token, of whatever age. */
export function openFernet(input: { readonly key: string; readonly token: string }): {
  readonly time: number;
  readonly plaintext: string;
} {
  const { signing, encryption } = keysOf(input.key);
  const token = Buffer.from(decode(input.token));
  demand(token.length >= 73 && token[0] === 0x80, 'TOKEN_DEAD', '§2.6', 'too short, or another version');
  const signed = token.subarray(0, -32);
  demand(equal(mac(signing, signed), token.subarray(-32)), 'TOKEN_DEAD', '§2.6', 'the MAC differs');
  const decipher = createDecipheriv('aes-128-cbc', encryption, token.subarray(9, 25));
  try {
    const plaintext = concat(decipher.update(signed.subarray(25)), decipher.final());
    return { time: Number(token.readBigUInt64BE(1)), plaintext: new TextDecoder().decode(plaintext) };
  } catch {
    return fail('TOKEN_DEAD', '§2.6', 'wrong length or padding');
  }
}
