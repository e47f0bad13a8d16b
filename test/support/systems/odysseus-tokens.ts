/** Fernet tokens as Odysseus stores them: `enc:` and a token, of the key at hand or of one that was lost. */

import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { randomLike } from '../tree.js';

/** What lies in one place: tokens that open, tokens of a key that was lost, values that are no tokens. */
export interface PlaceCount {
  live: number;
  dead: number;
  plain: number;
}

/** The key and the token of `generate.json` (github.com/fernet/spec), made by no code of ours. It says `hello`. */
export const KEY_OF_THE_SPECIFICATION = 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=';
export const TOKEN_OF_THE_SPECIFICATION =
  'gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==';

const WRITTEN = 1_767_225_600n;
const KEY = randomLike(32, 60);
const LOST_KEY = randomLike(32, 61);

/** Makes the tokens of one directory and counts them by place. */
export class TokenMaker {
  /** What `.app_key` holds: 44 characters, no line end. */
  readonly key = base64Url(KEY);
  readonly places: Record<string, PlaceCount> = {};
  #made = 0;

  /** A token of the key at hand. */
  live(place: string, secret = `secret of ${place}`): string {
    this.#count(place).live += 1;
    return this.#seal(KEY, secret);
  }

  /** A token of a key that is gone: Odysseus shows an empty value and goes on. */
  dead(place: string): string {
    this.#count(place).dead += 1;
    return this.#seal(LOST_KEY, 'nobody can read this');
  }

  /** A value from before encryption, which is passed on as it is. */
  plain(place: string): string {
    this.#count(place).plain += 1;
    return 'not-a-token-but-plain';
  }

  #count(place: string): PlaceCount {
    return (this.places[place] ??= { live: 0, dead: 0, plain: 0 });
  }

  #seal(key: Buffer, secret: string): string {
    this.#made += 1;
    return `enc:${fernetToken(key, secret, randomLike(16, 8000 + this.#made))}`;
  }
}

/** What a token holds, by the letter of the specification and by no code of ours; undefined with another key. */
export function openToken(keyText: string, token: string): string | undefined {
  const [key, bytes] = [Buffer.from(keyText, 'base64url'), Buffer.from(token, 'base64url')];
  const signed = bytes.subarray(0, -32);
  if (!macOf(key, signed).equals(bytes.subarray(-32))) return undefined;
  const decipher = createDecipheriv('aes-128-cbc', key.subarray(16), signed.subarray(9, 25));
  return Buffer.concat([decipher.update(signed.subarray(25)), decipher.final()]).toString();
}

/** A token by the letter of the specification: version, time, IV, AES-128-CBC, HMAC-SHA256; in base64url with padding. */
function fernetToken(key: Buffer, secret: string, iv: Buffer): string {
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(WRITTEN);
  const cipher = createCipheriv('aes-128-cbc', key.subarray(16), iv);
  const signed = Buffer.concat([Buffer.of(0x80), time, iv, cipher.update(secret), cipher.final()]);
  return base64Url(Buffer.concat([signed, macOf(key, signed)]));
}

function macOf(key: Buffer, signed: Uint8Array): Buffer {
  return createHmac('sha256', key.subarray(0, 16)).update(signed).digest();
}

function base64Url(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}
