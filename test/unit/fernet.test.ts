/** Fernet beyond its vectors (fixtures/vectors/fernet.json): the two providers against each other, and every length. */

import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { Fernet, newAppKeyText, parseAppKey } from '#nbak/crypto/fernet.js';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { portableCrypto } from '#nbak/crypto/portable.js';
import type { CryptoProvider } from '#nbak/crypto/provider.js';

const KEY = 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=';
/** The token of generate.json, as published. */
const TOKEN =
  'gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==';
const STAMP = { time: 499_162_800n, iv: Uint8Array.from({ length: 16 }, (_, i) => i) };
const PROVIDERS: readonly (readonly [string, CryptoProvider])[] = [
  ['Node', nodeCrypto],
  ['portable', portableCrypto],
];

describe.each(PROVIDERS)('Fernet on the %s provider', (_, crypto) => {
  it('makes the token that the specification publishes', () => {
    expect(fernetOf(crypto).seal(Buffer.from('hello'), STAMP)).toBe(TOKEN);
  });

  it('opens tokens of every length that the other provider makes, the empty and the block-sized included', () => {
    const other = fernetOf(crypto === nodeCrypto ? portableCrypto : nodeCrypto);
    for (let length = 0; length <= 48; length += 1) {
      const plaintext = Buffer.alloc(length, length);
      const content = fernetOf(crypto).open(other.seal(plaintext, STAMP));
      expect(Buffer.from(content?.plaintext ?? [255])).toEqual(plaintext);
    }
  });

  it('opens a token of a megabyte', () => {
    const plaintext = Buffer.alloc(1024 * 1024, 7);
    const content = fernetOf(crypto).open(fernetOf(crypto).seal(plaintext, STAMP));
    expect(Buffer.compare(content?.plaintext ?? Buffer.of(), plaintext)).toBe(0);
  });

  it('makes keys that applications take: 44 characters, each time others', () => {
    const text = newAppKeyText(crypto);
    expect(text).toMatch(/^[A-Za-z0-9_-]{43}=$/);
    expect(parseAppKey(text)).toBeDefined();
    expect(newAppKeyText(crypto)).not.toBe(text);
  });

  it('refuses an initialisation vector of another length', () => {
    expect(() => fernetOf(crypto).seal(Buffer.of(), { ...STAMP, iv: Buffer.alloc(12) })).toThrow(RangeError);
  });
});

function fernetOf(crypto: CryptoProvider): Fernet {
  const key = parseAppKey(KEY);
  if (key === undefined) throw new RangeError('not a key');
  return new Fernet(crypto, key);
}
