/** HMAC and HKDF as the provider makes them are those of node:crypto, at whatever length (RFC 2104, RFC 5869). */

import { createHmac, hkdfSync } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { runs } from '../support/arbitraries.js';

const bytes = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength, size: 'max' });

it('HMAC of the provider is that of node:crypto for keys and messages of all lengths', () => {
  fc.assert(
    fc.property(bytes(130), fc.oneof(bytes(200), bytes(1100)), (key, message) => {
      const expected = createHmac('sha256', key).update(message).digest('hex');
      expect(Buffer.from(nodeCrypto.hmacSha256(key, message)).toString('hex')).toBe(expected);
    }),
    runs(300),
  );
});

it('what HKDF expands is what node:crypto derives, and no result changes with the next', () => {
  const empty = new Uint8Array(32);
  const expected = Buffer.from(hkdfSync('sha256', Buffer.alloc(32, 1), empty, Buffer.alloc(150, 2), 96));
  const prk = nodeCrypto.hmacSha256(empty, Buffer.alloc(32, 1));
  const expanded = nodeCrypto.hkdfExpandSha256(prk, Buffer.alloc(150, 2), 96);
  nodeCrypto.hmacSha256(prk, empty);
  expect(Buffer.from(expanded)).toEqual(expected);
});
