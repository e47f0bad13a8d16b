/** Fernet tokens as Odysseus stores them: `enc:` and a token, of the key at hand or of one that was lost. */

import { sealFernet, parseAppKey, type AppKey } from '#nbak/crypto/fernet.js';
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

/** Makes the tokens of one directory and counts them by place. */
export class TokenMaker {
  /** What `.app_key` holds: 44 characters, no line end. */
  readonly key = keyText(60);
  readonly places: Record<string, PlaceCount> = {};
  readonly #key = appKeyOf(this.key);
  readonly #lost = appKeyOf(keyText(61));
  #made = 0;

  /** A token of the key at hand. */
  live(place: string, secret = `secret of ${place}`): string {
    this.#count(place).live += 1;
    return this.#seal(this.#key, secret);
  }

  /** A token of a key that is gone: Odysseus shows an empty value and goes on. */
  dead(place: string): string {
    this.#count(place).dead += 1;
    return this.#seal(this.#lost, 'nobody can read this');
  }

  /** A value from before encryption, which is passed on as it is. */
  plain(place: string): string {
    this.#count(place).plain += 1;
    return 'not-a-token-but-plain';
  }

  #count(place: string): PlaceCount {
    return (this.places[place] ??= { live: 0, dead: 0, plain: 0 });
  }

  #seal(key: AppKey, secret: string): string {
    this.#made += 1;
    return `enc:${sealFernet(key, Buffer.from(secret), { time: WRITTEN, iv: randomLike(16, 8000 + this.#made) })}`;
  }
}

function keyText(seed: number): string {
  return randomLike(32, seed).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}

function appKeyOf(text: string): AppKey {
  const key = parseAppKey(text);
  if (key === undefined) throw new RangeError('not a Fernet key');
  return key;
}
