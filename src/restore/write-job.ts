/** A unit of work of a restore, as it goes to a thread: frames to open and where their pieces go. */

import type { BytePath } from '../format/path.js';
import type { PlacedPart } from '../repository/file-layout.js';
import type { PackBytes } from '../repository/pack-files.js';
import type { FileAttributes } from './attributes.js';

/** Neighbouring frames, read together. */
export interface FrameRun {
  readonly from: PackBytes;
  readonly length: number;
  readonly frames: readonly FrameOrder[];
}

/** A frame and what becomes of it. */
export interface FrameOrder {
  /** In the run. */
  readonly offset: number;
  readonly length: number;
  /** The number of the dedup secret of its tag. */
  readonly dedup: number;
  readonly pieces: readonly PieceOrder[];
}

/** A piece: a blob's plaintext or one slice of it. */
export interface PieceOrder {
  readonly slice: number | undefined;
  /** What the signed page says of the blob. */
  readonly plaintextLength: number;
  /** Bytes that the piece must have. */
  readonly length: number;
  readonly into: NewFile | OpenFile | WindowPart;
}

/** A file that is this piece alone: the thread makes it. */
export interface NewFile {
  /** In the hidden tree, where nothing is yet. */
  readonly path: BytePath;
  readonly attributes: FileAttributes;
}

/** A staged file that is open, and where in it the piece goes. */
export interface OpenFile {
  readonly descriptor: number;
  readonly parts: readonly PlacedPart[];
}

/** Where in the window's memory the piece goes. */
export interface WindowPart {
  readonly inMemory: readonly PlacedPart[];
}

/** What a thread is asked. */
export interface WriteJob {
  readonly runs: readonly FrameRun[];
  /** Shared memory that some pieces go to. */
  readonly memory: Uint8Array | undefined;
}

/** What became of a job's pieces, which are numbered as they come in it. */
export interface WriteAnswer {
  /** SHA-256 of each piece, 32 bytes each. */
  readonly hashes: Uint8Array;
  /** Pieces that could not be read, opened or written. */
  readonly failed: readonly number[];
  /** Pieces whose new file could not get its owner. */
  readonly disowned: readonly number[];
}

/** Length of a piece's hash. */
export const HASH_BYTES = 32;
