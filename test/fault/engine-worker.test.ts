/** A worker thread that dies: every request that waits for it, and every later one, fails; nothing hangs. */
import { expect, it } from 'vitest';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { workerEngine } from '#nbak/repository/workers/pool.js';

it('rejects requests under way and later ones when the pool is closed under them', async () => {
  const engine = workerEngine(1, {});
  const waiting = engine.hash(new Uint8Array(8 * 1024 * 1024), [{ offset: 0, length: 8 * 1024 * 1024 }]);
  const settled = waiting.then(
    () => 'answered',
    () => 'rejected',
  );
  await engine.close();
  expect(['answered', 'rejected']).toContain(await settled);
  await expect(engine.hash(new Uint8Array(1), [{ offset: 0, length: 1 }])).rejects.toMatchObject({
    code: 'INTERNAL',
  });
});

it('answers what node:crypto answers', async () => {
  const engine = workerEngine(2, {});
  const bytes = nodeCrypto.randomBytes(100_000);
  const expected = Buffer.from(nodeCrypto.sha256(bytes.slice(10, 5010))).toString('hex');
  expect(await engine.hash(bytes, [{ offset: 10, length: 5000 }])).toEqual([expected]);
  await engine.close();
});
