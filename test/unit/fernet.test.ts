/** Fernet against the vectors that its specification publishes (github.com/fernet/spec: generate, verify, invalid). */

import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { openFernet, parseAppKey, sealFernet, type AppKey } from '#nbak/crypto/fernet.js';

const KEY = 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=';
const TOKEN =
  'gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==';
const TIME = 499_162_800n;
const IV = Uint8Array.from({ length: 16 }, (_, i) => i);

/** `invalid.json` without the two cases about a token's age, which tokens at rest do not have. */
const INVALID: readonly (readonly [string, string])[] = [
  [
    'incorrect mac',
    'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==',
  ],
  ['too short', 'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA=='],
  [
    'invalid base64',
    '%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==',
  ],
  [
    'payload size not multiple of block size',
    'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm',
  ],
  [
    'payload padding error',
    'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw==',
  ],
  [
    'incorrect IV (causes padding error)',
    'gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ==',
  ],
  ['trailing characters after b64 padding', `${TOKEN}trailingdata`],
  [
    'invalid characters in b64',
    '*gAAAAAAdwJ6wAAECAwQFBgcI!CQoLDA0ODy021?cpGVWKZ_eEwC@GM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==',
  ],
  [
    'invalid non-urlsafe characters in b64',
    'gAAAAAAdwJ6wAAEC/AwQFBgcICQoLDA0ODy+021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==',
  ],
];

describe('Fernet', () => {
  it('makes the token of generate.json', () => {
    expect(sealFernet(appKey(), Buffer.from('hello'), { time: TIME, iv: IV })).toBe(TOKEN);
  });

  it('opens the token of verify.json, with its time', () => {
    const content = openFernet(appKey(), TOKEN);
    expect(content?.time).toBe(TIME);
    expect(Buffer.from(content?.plaintext ?? []).toString()).toBe('hello');
  });

  it.each(INVALID)('refuses invalid.json: %s', (_, token) => {
    expect(openFernet(appKey(), token)).toBeUndefined();
  });

  it('refuses a token of another version whose MAC is right for its bytes', () => {
    const other = Buffer.from(TOKEN, 'base64url');
    other[0] = 0x81;
    expect(openFernet(appKey(), other.toString('base64url'))).toBeUndefined();
  });

  it('refuses a token made with another key', () => {
    const other = sealFernet(appKey('A'.repeat(43)), Buffer.from('hello'), { time: TIME, iv: IV });
    expect(openFernet(appKey(), other)).toBeUndefined();
  });

  it('opens tokens of every length that it makes, the empty and the block-sized included', () => {
    for (let length = 0; length <= 48; length += 1) {
      const plaintext = Buffer.alloc(length, length);
      const content = openFernet(appKey(), sealFernet(appKey(), plaintext, { time: 1n, iv: IV }));
      expect(Buffer.from(content?.plaintext ?? [255])).toEqual(plaintext);
    }
  });

  it('takes a key with white space around it and none of another length', () => {
    expect(parseAppKey(` ${KEY}\n`)).toEqual(parseAppKey(KEY));
    expect(parseAppKey(KEY.slice(0, 40))).toBeUndefined();
    expect(parseAppKey(`${KEY}AAAA`)).toBeUndefined();
    expect(parseAppKey('')).toBeUndefined();
  });
});

function appKey(text = KEY): AppKey {
  const key = parseAppKey(text);
  if (key === undefined) throw new RangeError('not a key');
  return key;
}
