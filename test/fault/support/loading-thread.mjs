/** A thread of a pool that, when asked, says in shared memory that it begins to load a native package, and loads it. */
import { serve } from '#nbak/threads/serve.js';
import { systemCalls } from '#nbak/source/system-calls.js';

serve((begun) => () => {
  Atomics.store(begun, 0, 1);
  Atomics.notify(begun, 0);
  systemCalls();
  return true;
});
