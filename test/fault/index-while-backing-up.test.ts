/** Index objects that a long backup writes on the way, into a storage that refuses them. */

import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { backup } from '#nbak/backup/backup.js';
import { openCatalog } from '#nbak/repository/catalog.js';
import { memoryStorage } from '#nbak/storage/memory.js';
import { ordinaryBackup, withDirectory } from '../support/engine-run.js';
import { faultyStorage } from '../support/faulty-storage.js';
import { emptyRepository } from '../support/tiny-repository.js';

/** More than a pack. */
const FILE_BYTES = 20_000_000;

afterEach(() => {
  vi.useRealTimers();
});

it('an index object that cannot be written on the way ends the backup with its error, and not the process', async () => {
  await withDirectory(async (source) => {
    for (const name of ['a', 'b']) writeFileSync(join(source, name), randomBytes(FILE_BYTES));
    const effect = { kind: 'fail', when: 'before', code: 'STORAGE_FULL' } as const;
    const storage = faultyStorage(memoryStorage(), [{ on: ['put'], prefix: 'index/', nth: 1, effect }]);
    const { unlocked } = await emptyRepository('plain', storage);
    const unhandled: unknown[] = [];
    const listener = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', listener);
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const running = backup(unlocked, openCatalog(undefined, unlocked.id), {
        ...ordinaryBackup([source]),
        threads: 1,
        onProgress: ({ phase }) => {
          // §17.2: by then an index object is due.
          if (phase === 'files') vi.setSystemTime(Date.now() + 11 * 60 * 1000);
        },
      });
      await expect(running).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    } finally {
      process.off('unhandledRejection', listener);
    }
    expect(unhandled).toEqual([]);
  });
});
