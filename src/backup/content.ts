/** A file's content, as writers pass it on. */

import type { EntryExtra, Timestamp } from '../format/entry.js';
import type { BlobId } from '../format/ids.js';
import type { PackPlace } from '../repository/pack-writer.js';

/** A piece of a file's content (§10.5). */
export interface ContentPiece {
  readonly id: BlobId;
  /** Frame length in bytes. */
  readonly length: number;
  readonly plaintextLength: number;
  /** Its place in a bundle. */
  readonly slice?: number;
  readonly place: PackPlace;
}

/** The place `slice` in a bundle. */
export function sliceOf({ id, length, plaintextLength, place }: ContentPiece, slice: number): ContentPiece {
  return { id, length, plaintextLength, slice, place };
}

/** What an entry says of its content, and of the file at the moment it was read. */
export interface Content {
  readonly size: number;
  readonly pieces: readonly ContentPiece[];
  /** Keyed digest (§3.7). */
  readonly digest: Uint8Array;
  readonly mtime: Timestamp;
  readonly ctime: Timestamp;
  readonly extra: Pick<EntryExtra, 'xattrs' | 'holes' | 'database'>;
  /** Bits of ENTRY_FLAGS. */
  readonly flags: number;
}
