/** Chooses the engine for a number of threads. */

import type { CryptoProvider } from '../../crypto/provider.js';
import { inlineEngine, type BlobEngine, type EngineSecrets } from '../blob-engine.js';
import { workerEngine } from './pool.js';

/** An engine with `threads` worker threads; 0 means this thread. */
export function createEngine(crypto: CryptoProvider, threads: number, secrets: EngineSecrets): BlobEngine {
  return threads === 0 ? inlineEngine(crypto, secrets) : workerEngine(threads, secrets);
}
