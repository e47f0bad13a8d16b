/** The pieces of a file's content, as writers pass them on. */

import type { BlobId } from '../format/ids.js';

/** A piece of a file's content (§10.5). */
export interface ContentPiece {
  readonly id: BlobId;
  /** Frame length in bytes. */
  readonly length: number;
  readonly plaintextLength: number;
  /** Its place in a bundle. */
  readonly slice?: number;
}
