/** A blob engine on worker threads: each request goes to the one with the least to do. */

import { threadPool } from '../../threads/thread-pool.js';
import { transferable } from '../../threads/transferable.js';
import type { BlobEngine, EngineSecrets, FrameResult } from '../blob-engine.js';
import { openHandler, type OpenAnswer, type OpenRequest } from './open-task.js';

/**
 * An engine on up to `threads` workers. Each starts when there is work for it: it costs 50 ms of processor time, more
 * than a backup in which nothing changed needs for everything else.
 *
 * @param threads - at least 1; memory grows by some 20 MiB and a request each.
 */
export function workerEngine(threads: number, secrets: EngineSecrets): BlobEngine {
  const pool = threadPool<EngineSecrets, OpenRequest, OpenAnswer>({
    threads,
    module: new URL('./worker.js', import.meta.url),
    startOf: () => secrets,
    makeHandler: openHandler,
  });
  return {
    async open(bytes, frames): Promise<readonly FrameResult[]> {
      const owned = transferable(bytes);
      const opened = await pool.ask({ bytes: owned, frames }, [owned.buffer]);
      return opened.places.map((place): FrameResult => {
        if ('error' in place) return place;
        const plaintext = opened.bytes.subarray(place.offset, place.offset + place.length);
        return { plaintext, kind: place.kind, pieces: place.pieces };
      });
    },
    close: () => pool.close(),
  };
}
