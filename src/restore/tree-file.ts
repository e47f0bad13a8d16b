/** A file that a thread makes where it belongs in the hidden tree, and the place that is held for it meanwhile. */

import { rmSync } from 'node:fs';
import type { FileAttributes } from './attributes.js';
import { systemPath, type HeldPlace } from './held-directory.js';
import type { NewFile } from './write-job.js';

/** A file that is one piece, from when it is planned until it is complete or discarded. */
export class TreeFile {
  /** What the thread is told. */
  readonly order: NewFile;
  readonly #release: () => void;

  constructor({ path, release }: HeldPlace, attributes: FileAttributes) {
    this.order = { path, attributes };
    this.#release = release;
  }

  /** Leaves it where it is: it lacks nothing. Neither this nor {@link discard} is called again. */
  finish(): void {
    this.#release();
  }

  /** Drops it, as far as it was made. */
  discard(): void {
    rmSync(systemPath(this.order.path), { force: true });
    this.#release();
  }
}
