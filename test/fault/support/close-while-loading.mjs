/** Closes pools whose thread is just loading a native package, at 24 moments of the loading; prints how often all went well. */
import { threadPool } from '#nbak/threads/thread-pool.js';

const module = new URL('./loading-thread.mjs', import.meta.url);
const idle = new Int32Array(new SharedArrayBuffer(4));
let good = 0;
for (let round = 0; round < 24; round += 1) {
  const begun = new Int32Array(new SharedArrayBuffer(4));
  const pool = threadPool({ threads: 1, module, startOf: () => begun, makeHandler: () => () => false });
  const answer = pool.ask(undefined);
  // Until the thread says so, and then a little more each round.
  while (Atomics.load(begun, 0) === 0) await new Promise((resolve) => setImmediate(resolve));
  Atomics.wait(idle, 0, 0, round / 8);
  const [, answered] = await Promise.all([pool.close(), answer]);
  if (answered) good += 1;
}
process.stdout.write(`${good}\n`);
