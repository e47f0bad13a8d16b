/** A file of which some pieces are written and others are not yet. */

import type { BlobId } from '../format/ids.js';
import { hasDigest, type DigestKeys } from '../repository/file-data.js';
import { FileLayout, type PlacedPart } from '../repository/file-layout.js';
import { dataBytes } from './plan.js';
import type { PlannedEntry } from './result.js';
import { StagedFile } from './staged-file.js';
import type { TreeFile } from './tree-file.js';
import { HASH_BYTES, type OpenFile, type PieceOrder } from './write-job.js';

/** A piece on its way: what it is of, and its number there. */
export interface PieceTicket {
  readonly file: FileInProgress;
  readonly number: number;
  readonly blob: BlobId;
  /** Bytes that it writes. */
  readonly bytes: number;
}

/** What is to be done with a piece, and whose it is. */
export interface OrderedPiece {
  readonly order: PieceOrder;
  readonly ticket: PieceTicket;
}

/** Says whether threads can write a file: not where the lengths of its pieces are known only to its bundles. */
export function isForThreads({ pieces }: PlannedEntry): boolean {
  return pieces.length === 1 || (pieces.length > 1 && pieces.every(({ slice }) => slice === undefined));
}

/** Gives out a file's pieces and collects what became of them. */
export class FileInProgress {
  readonly planned: PlannedEntry;
  /** Where it is written: a file that is open here, or one that a thread makes. */
  readonly into: StagedFile | TreeFile;
  /** False where the thread that made the file could not set its owner. */
  owned = true;
  /** Bytes that were written. */
  bytes = 0;
  readonly #layout: FileLayout;
  readonly #hashes: Uint8Array;
  #missing: number;
  #isDamaged = false;

  constructor(planned: PlannedEntry, into: StagedFile | TreeFile) {
    this.planned = planned;
    this.into = into;
    this.#layout = new FileLayout(planned.entry);
    this.#missing = planned.pieces.length;
    this.#hashes = new Uint8Array(this.#missing * HASH_BYTES);
  }

  /** What threads are to do with the file's pieces, in order. */
  *orders(): Generator<OrderedPiece> {
    const { pieces } = this.planned;
    for (const [number, { blob, slice }] of pieces.entries()) {
      const { plaintextLength } = blob;
      const length = slice === undefined ? plaintextLength : this.#sliceLength();
      const parts = this.#layout.place(length);
      const into = this.into instanceof StagedFile ? orderFor(this.into, parts) : this.into.order;
      yield {
        order: { slice, plaintextLength, length, into },
        ticket: { file: this, number, blob: blob.id, bytes: length },
      };
    }
  }

  /** Notes a written piece, or that it failed. @returns true when no other piece is missing. */
  note({ number, bytes }: PieceTicket, hash: Uint8Array | undefined): boolean {
    this.#missing -= 1;
    if (hash === undefined) this.#isDamaged = true;
    else {
      this.#hashes.set(hash, number * HASH_BYTES);
      this.bytes += bytes;
    }
    return this.#missing === 0;
  }

  /** Compares size and digest with the signed entry (§22.3), when no piece is missing. */
  isWhole(keys: DigestKeys): boolean {
    if (this.#isDamaged || this.#missing > 0) return false;
    const { size } = this.planned.entry;
    return this.#layout.finish() === size && hasDigest(this.planned, [this.#hashes], keys);
  }

  /** Pages do not say how long a slice is; the only one of a file is what is not hole. */
  #sliceLength(): number {
    return dataBytes(this.planned.entry);
  }
}

function orderFor({ descriptor }: StagedFile, parts: readonly PlacedPart[]): OpenFile {
  return { descriptor, parts };
}
