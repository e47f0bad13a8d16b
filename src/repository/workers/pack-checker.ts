/** A pack checker on worker threads that read the packs themselves. */

import { setImmediate } from 'node:timers/promises';
import { nodeCrypto } from '../../crypto/node.js';
import type { Storage } from '../../storage/storage.js';
import { reviveError } from '../../threads/messages.js';
import { threadPool, type Handler } from '../../threads/thread-pool.js';
import { transferable } from '../../threads/transferable.js';
import type { BlobSecrets } from '../blob-crypto.js';
import { frameOpener } from '../frame-opener.js';
import type { PackChecker, PackFrames, PackVerdict } from '../pack-check.js';
import { packCheckHandler, type PackRequest, type SentVerdict } from './pack-check-task.js';

/** What answers a request, in this thread or another. */
type Answering = (
  request: PackRequest,
  transfer?: readonly ArrayBuffer[],
) => SentVerdict | Promise<SentVerdict>;

/**
 * Makes a pack checker; its threads start with the first packs, or with `start`.
 *
 * @param threads - 0 checks in this thread.
 * @param secrets - opens every frame as well (§20.3).
 */
export function createPackChecker(threads: number, secrets?: BlobSecrets): PackChecker {
  const checking = new URL('./pack-check-worker.js', import.meta.url);
  const opening = new URL('./pack-open-worker.js', import.meta.url);
  const makeHandler = (start: BlobSecrets | undefined): Handler<PackRequest, SentVerdict> =>
    packCheckHandler(start && frameOpener(nodeCrypto, start));
  const pool = threadPool<BlobSecrets | undefined, PackRequest, SentVerdict>({
    threads,
    module: secrets === undefined ? checking : opening,
    startOf: () => secrets,
    makeHandler,
  });
  let here: Handler<PackRequest, SentVerdict> | undefined;

  const ask = async (storage: Storage, pack: PackFrames, answer: Answering): Promise<PackVerdict> => {
    if (storage.openFile === undefined) {
      const length = pack.footer.blobs.reduce((sum, blob) => sum + blob.length, 0);
      const bytes = transferable(await storage.get(pack.name, { offset: 0, length }));
      return revived(await answer({ pack, source: { bytes } }, [bytes.buffer]));
    }
    const file = await storage.openFile(pack.name);
    try {
      const source = { descriptor: file.descriptor, storage: storage.description };
      return revived(await answer({ pack, source }));
    } finally {
      file.close();
    }
  };

  return {
    width: pool.width,
    check: (storage, pack) => ask(storage, pack, (request, transfer) => pool.ask(request, transfer)),
    here: {
      async check(storage, pack): Promise<PackVerdict> {
        const verdict = await ask(storage, pack, (request) => {
          here ??= makeHandler(secrets);
          return here(request);
        });
        // What threads have answered meanwhile is heard before the next pack.
        await setImmediate();
        return verdict;
      },
    },
    start: () => pool.start(),
    close: () => pool.close(),
  };
}

function revived({ damaged, opened }: SentVerdict): PackVerdict {
  return {
    damaged: damaged.map(({ index, error }) => ({ index, error: reviveError(error) })),
    ...(opened && { opened }),
  };
}
