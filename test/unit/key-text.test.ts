/** The text forms of keys: a typo is an error, never another key (§2.1–§2.5). */

import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { utf8 } from '#nbak/format/bytes.js';
import { assertUnguessable, formatVaultKey, parseVaultKey } from '#nbak/vault/vault-key.js';
import { formatVerificationKey, parseVerificationKey } from '#nbak/vault/verification-key.js';

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i * 7);
const TEXT = formatVaultKey(KEY);
const ALPHABET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';

describe('the text form of a vault key', () => {
  it('gives the bytes back, in upper case and with white space around it too', () => {
    expect(TEXT).toHaveLength(66);
    for (const text of [TEXT, TEXT.toUpperCase(), ` ${TEXT}\n`])
      expect(Buffer.from(parseVaultKey(text))).toEqual(Buffer.from(KEY));
  });

  it('with any one letter wrong, missing, doubled or swapped is a typo and never another string', () => {
    for (let at = 0; at < TEXT.length; at += 1) {
      const letter = TEXT[at] ?? '';
      const other = ALPHABET[(ALPHABET.indexOf(letter) + 1) % ALPHABET.length] ?? '';
      const next = TEXT[at + 1] ?? letter;
      const typos = [
        TEXT.slice(0, at) + other + TEXT.slice(at + 1),
        TEXT.slice(0, at) + TEXT.slice(at + 1),
        TEXT.slice(0, at) + letter + TEXT.slice(at),
        TEXT.slice(0, at) + next + letter + TEXT.slice(at + 2),
      ];
      for (const typo of typos.filter((text) => text !== TEXT))
        expect(() => parseVaultKey(typo), typo).toThrow(expect.objectContaining({ code: 'KEY_MALFORMED' }));
    }
  });

  it('is not the verification key, and a verification key is not it', () => {
    const pair = nodeCrypto.ed25519PublicKey(KEY);
    const text = formatVerificationKey(pair);
    expect(Buffer.from(parseVerificationKey(text))).toEqual(Buffer.from(pair));
    expect(() => parseVaultKey(text)).toThrow(expect.objectContaining({ code: 'KEY_MALFORMED' }));
    expect(() => parseVerificationKey(TEXT)).toThrow(
      expect.objectContaining({ code: 'PUBLIC_KEY_MALFORMED' }),
    );
  });
});

describe('any other text', () => {
  it('is a vault key by its UTF-8 bytes, white space included', () => {
    for (const text of ['pässwörd', ' leading', 'a'.repeat(64), 'n'.repeat(66)])
      expect(Buffer.from(parseVaultKey(text))).toEqual(Buffer.from(utf8(text)));
    expect(() => parseVaultKey('')).toThrow(expect.objectContaining({ code: 'KEY_MISSING' }));
  });

  it('may be set only where it cannot be guessed', async () => {
    for (const text of ['password', 'Tr0ub4dor&3', 'qwertyuiopasdfghjkl', '0'.repeat(64)])
      await expect(assertUnguessable(text)).rejects.toMatchObject({ code: 'KEY_GUESSABLE' });
    for (const text of [TEXT, Buffer.from(nodeCrypto.randomBytes(32)).toString('base64')])
      await expect(assertUnguessable(text)).resolves.toBeUndefined();
  });
});
