/** Sealing tokens anew under another app key (§2.6). */

import type { Fernet } from '../../crypto/fernet.js';
import { nodeCrypto } from '../../crypto/node.js';
import { fernetOf, type TokenQuery } from './database-tokens.js';
import { parseJson, textsAt } from './field.js';
import { tokenIn, type TokenSpot, type TokenTally } from './token-counter.js';

/** A place of tokens, the key that they are under, and the one that they shall be under. */
export interface TokenRotation {
  readonly spot: TokenSpot;
  /** Texts of app keys. */
  readonly from: string;
  readonly to: string;
}

/** The places, to be counted under the old keys or the new ones. */
export function queriesUnder(
  which: 'from' | 'to',
  rotations: readonly TokenRotation[],
): readonly TokenQuery[] {
  return rotations.map((rotation) => ({ spot: rotation.spot, key: rotation[which] }));
}

/** Takes tokens from one key to another. */
export class Resealer {
  readonly #from: Fernet | undefined;
  readonly #to: Fernet | undefined;

  constructor({ from, to }: Omit<TokenRotation, 'spot'>) {
    this.#from = fernetOf(from);
    this.#to = fernetOf(to);
  }

  /** The token under the other key, with its time stamp; undefined where the first key does not open it. */
  reseal(token: string): string | undefined {
    const content = this.#from?.open(token);
    return (
      content && this.#to?.seal(content.plaintext, { time: content.time, iv: nodeCrypto.randomBytes(16) })
    );
  }

  /**
   * The value of a column with its tokens sealed anew, all else byte for byte what it was.
   *
   * @returns undefined where there is none to seal.
   */
  resealValue<Value extends string | Uint8Array>(
    value: Value,
    { field, prefix }: TokenSpot,
  ): Value | undefined {
    const text = typeof value === 'string' ? value : Buffer.from(value).toString('utf8');
    const places = field === '' ? [text] : [...textsAt(parseJson(text), field)].map((each) => each.text);
    return this.resealWithin(
      value,
      places.flatMap((place) => tokenIn(place, prefix) ?? []),
    );
  }

  /** Seals anew those of `tokens` that are in a text, wherever they stand in it. */
  resealWithin<Value extends string | Uint8Array>(
    value: Value,
    tokens: readonly string[],
  ): Value | undefined {
    const sealed = [...new Set(tokens)].flatMap((token) => {
      const next = this.reseal(token);
      return next === undefined ? [] : [{ token, next }];
    });
    if (sealed.length === 0) return undefined;
    // One may be the beginning of another, with and without its `=`.
    sealed.sort((a, b) => b.token.length - a.token.length);
    // Tokens are ASCII; of bytes each is one character, so that what is no text stays what it was.
    const text = typeof value === 'string' ? value : Buffer.from(value).toString('latin1');
    const result = sealed.reduce((sum, { token, next }) => sum.replaceAll(token, next), text);
    return (typeof value === 'string' ? result : Buffer.from(result, 'latin1')) as Value;
  }
}

/** Counts of the same tokens under two keys as one: what opens with either. */
export function openedByEither(
  one: readonly TokenTally[],
  other: readonly TokenTally[],
): readonly TokenTally[] {
  return one.map(({ opened, failed }, i) => {
    const more = other[i]?.opened ?? 0;
    return { opened: opened + more, failed: failed - more };
  });
}
