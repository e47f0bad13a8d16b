/** Where in a file the bytes of its pieces go: one after the other, around the holes. Implements §10.5 for readers. */

import type { Entry } from '../format/entry.js';

/** A part of a piece and its place in the file. */
export interface PlacedPart {
  /** In the file. */
  readonly offset: number;
  /** In the piece, end excluded. */
  readonly start: number;
  readonly end: number;
}

/** Walks a file's pieces and holes in order. */
export class FileLayout {
  readonly #holes: readonly (readonly [number, number])[];
  #nextHole = 0;
  #offset = 0;

  constructor({ extra }: Entry) {
    this.#holes = extra.holes ?? [];
  }

  /** The places of the next piece, which is `length` bytes long. */
  place(length: number): readonly PlacedPart[] {
    const parts: PlacedPart[] = [];
    let start = 0;
    while (start < length) {
      this.#skipHole();
      const hole = this.#holes[this.#nextHole];
      const end = hole === undefined ? length : Math.min(length, start + hole[0] - this.#offset);
      parts.push({ offset: this.#offset, start, end });
      this.#offset += end - start;
      start = end;
    }
    return parts;
  }

  /** The size that all pieces and holes make. */
  finish(): number {
    this.#skipHole();
    return this.#offset;
  }

  #skipHole(): void {
    const hole = this.#holes[this.#nextHole];
    if (hole?.[0] !== this.#offset) return;
    this.#offset += hole[1];
    this.#nextHole += 1;
  }
}
