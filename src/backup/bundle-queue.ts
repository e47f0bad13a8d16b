/** Bundles on their way to the threads that read them, several at a time: a message costs as much as a bundle. */

import { BUNDLE_BYTES } from '../chunking/sizes.js';
import { LIMITS } from '../format/limits.js';
import type { SmallFile } from './bundler.js';

/** Bundles of one message: fewer would cost, more would leave a thread without work at the end. */
const MOST_BUNDLES = 8;

/** Collects the bundles of one root after the other. */
export class BundleQueue<Root, File extends SmallFile> {
  readonly #send: (root: Root, bundles: readonly (readonly File[])[]) => void;
  #bundles: (readonly File[])[] = [];
  /** Changed files of several groups, on their way into one bundle. */
  #gathered: File[] = [];
  #gatheredBytes = 0;

  /** @param send - given the bundles when there are enough. */
  constructor(send: (root: Root, bundles: readonly (readonly File[])[]) => void) {
    this.#send = send;
  }

  /** Adds the files of one bundle. */
  add(root: Root, files: readonly File[]): void {
    this.#bundles.push(files);
    if (this.#bundles.length >= MOST_BUNDLES) this.#sendAll(root);
  }

  /** Adds a file that shares a bundle with its neighbours, however many groups they are of. */
  gather(root: Root, file: File): void {
    if (this.#gatheredBytes + file.size > BUNDLE_BYTES || this.#gathered.length >= LIMITS.bundleSlices)
      this.#endGathered(root);
    this.#gathered.push(file);
    this.#gatheredBytes += file.size;
  }

  /** Sends what was collected; what waits for it would wait for ever otherwise. */
  flush(root: Root): void {
    this.#endGathered(root);
    this.#sendAll(root);
  }

  #endGathered(root: Root): void {
    const gathered = this.#gathered;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    if (gathered.length > 0) this.add(root, gathered);
  }

  #sendAll(root: Root): void {
    const bundles = this.#bundles;
    this.#bundles = [];
    if (bundles.length > 0) this.#send(root, bundles);
  }
}
