/** A worker thread that dies: every request that waits for it, and every later one, fails; nothing hangs. */
import { expect, it } from 'vitest';
import { workerEngine } from '#nbak/repository/workers/pool.js';

it('rejects requests under way and later ones when the pool is closed under them', async () => {
  const engine = workerEngine(1, {});
  const waiting = engine.open(new Uint8Array(8 * 1024 * 1024), []);
  const settled = waiting.then(
    () => 'answered',
    () => 'rejected',
  );
  await engine.close();
  expect(['answered', 'rejected']).toContain(await settled);
  await expect(engine.open(new Uint8Array(1), [])).rejects.toMatchObject({ code: 'INTERNAL' });
});
