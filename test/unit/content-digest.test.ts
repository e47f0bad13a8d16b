/** The hash of a content of very many pieces. */
import { expect, it } from 'vitest';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { contentHash } from '#nbak/repository/content-digest.js';

it('a database of 32 GB, half a million pieces, has the hash of all their hashes', () => {
  const piece = nodeCrypto.sha256(new Uint8Array(1));
  const count = 500_000;
  const all = new Uint8Array(count * 32);
  for (let i = 0; i < count; i += 1) all.set(piece, i * 32);
  const hash = contentHash(
    nodeCrypto,
    Array.from({ length: count }, () => piece),
  );
  expect(Buffer.from(hash).toString('hex')).toBe(Buffer.from(nodeCrypto.sha256(all)).toString('hex'));
});
