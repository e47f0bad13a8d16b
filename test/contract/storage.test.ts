/** Every storage under the one contract. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLocalStorage } from '#nbak/storage/local.js';
import { memoryStorage } from '#nbak/storage/memory.js';
import { faultyStorage } from '../support/faulty-storage.js';
import { storageContract } from './storage.contract.js';

storageContract('local directory', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'nbak-storage-'));
  return {
    storage: await openLocalStorage(join(directory, 'new/repository'), { mode: 'create' }),
    dispose: () => rm(directory, { recursive: true }),
  };
});

storageContract('memory', () => {
  return Promise.resolve({ storage: memoryStorage(), dispose: () => Promise.resolve() });
});

// The instrument of the fault tests must not be what they find fault with.
storageContract('faulty storage without faults', () => {
  return Promise.resolve({ storage: faultyStorage(memoryStorage(), []), dispose: () => Promise.resolve() });
});
