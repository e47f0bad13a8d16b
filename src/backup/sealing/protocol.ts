/** What a backup and its sealing threads say to each other: units of work, small enough to be many and large enough to be few. */

import { LIMITS } from '../../format/limits.js';
import type { BlobKind } from '../../format/blob.js';
import type { BytePath } from '../../format/path.js';
import type { Extent } from '../../source/holes.js';
import type { DatabaseImage } from '../../source/sqlite/image.js';
import type { BlobSecrets } from '../../repository/blob-crypto.js';
import type { SentFiles } from './read-files.js';

/** Most bytes that a unit holds: no less than the longest chunk (§7.3), so that cutting always gets ahead. */
export const UNIT_BYTES = 4.5 * 1024 * 1024;
/** Most chunks of a unit, all frames' overhead included in {@link FRAMES_BYTES}. */
export const UNIT_CHUNKS = 1024;
/** Where a unit's frames go: room for the longest plaintext (§15), of which only what is used takes memory. */
export const FRAMES_BYTES = LIMITS.plaintextBytes + UNIT_CHUNKS * 256;

/** An open file that threads read at positions. */
export interface OpenFile {
  readonly descriptor: number;
  /** For messages. */
  readonly path: Uint8Array;
}

/** What is read, and how it is cut. */
export type Unit =
  /** One chunk that is in memory. */
  | { readonly kind: 'bytes'; readonly blobKind: BlobKind; readonly bytes: Uint8Array }
  /**
   * A stretch of a large file, cut by content (§7.3); what is left behind the last border is not consumed. Its data is
   * what lies in the extents, one after the other.
   */
  | {
      readonly kind: 'stretch';
      readonly file: OpenFile;
      readonly extents: readonly Extent[];
      readonly isEnd: boolean;
    }
  /** A stretch of a database, cut at multiples of its chunk length (§7.1). */
  | {
      readonly kind: 'pages';
      readonly image: DatabaseImage;
      readonly offset: number;
      readonly length: number;
      /** What the last backup marked these chunks with (§3.12), empty where it did not; absent: they are not to be marked. */
      readonly known?: Uint8Array;
    }
  /** One file that is one chunk (§7.2), of kind data or app key. */
  | {
      readonly kind: 'file';
      readonly directory: string;
      readonly path: BytePath;
      /** Lines are only ever added to it: a torn last one is left behind. */
      readonly isLog: boolean;
      readonly blobKind: BlobKind;
    }
  /** Bundles of small files (§7.4). */
  | {
      readonly kind: 'bundles';
      readonly directory: string;
      /** The files of each bundle. */
      readonly bundles: readonly (readonly BytePath[])[];
      /** Those of all paths that are logs. */
      readonly logs: ReadonlySet<BytePath>;
    };

/** A chunk before it is sealed. */
export interface LoadedChunk {
  /** Dedup tag as hex (§3.6). */
  readonly tag: string;
  readonly kind: BlobKind;
  readonly length: number;
}

/** A unit that was read, cut and hashed, and waits for the decision what of it to seal. */
export interface Loaded {
  readonly chunks: readonly LoadedChunk[];
  /** Bytes of the source that were taken. */
  readonly consumed: number;
  /** SHA-256 of each chunk, one after the other, for stretches and pages; empty otherwise. */
  readonly hashes: Uint8Array;
  /** The mark of each chunk, one after the other, for pages that are to be marked (§3.12); empty otherwise. */
  readonly marks: Uint8Array;
  /** For files and bundles: one for each path, in their order. */
  readonly files: SentFiles;
}

/** A sealed chunk, and where its frame lies in the slot. */
export interface SealedChunk {
  readonly index: number;
  readonly id: string;
  readonly offset: number;
  readonly length: number;
}

/** From the backup. A slot is memory for one unit; what is loaded into it stays there until it is sealed. */
export type SealingRequest =
  | { readonly task: 'load'; readonly slot: number; readonly unit: Unit }
  | { readonly task: 'seal'; readonly slot: number; readonly indexes: readonly number[] };

/** To the backup. */
export type SealingResponse = Loaded | readonly SealedChunk[];

/** Given to a thread when it starts. */
export interface SealingStart {
  readonly blobs: BlobSecrets;
  /** Session salt. */
  readonly session: Uint8Array;
  /** This thread's alone, and never given again in the session (§6.5). */
  readonly lane: number;
  readonly digestKey: Uint8Array;
  readonly markKey: Uint8Array;
  readonly gear: Int32Array;
  /** Where the frames of each slot go: shared, so that nothing is copied on the way to the storage. */
  readonly frames: readonly SharedArrayBuffer[];
}
