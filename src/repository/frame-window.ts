/** A window over a pack: its bytes in order, in steps that stay in a processor's own cache, in one buffer that is reused. */

/** A pack's bytes, read at positions. */
export interface PackBytes {
  /** Fills `into` with the bytes from `position` on; fewer only where they end. @returns how many. */
  read(into: Uint8Array, position: number): number;
}

/** Larger steps cost the hash that follows a trip to main memory, smaller ones a system call each. */
const STEP_BYTES = 512 * 1024;

/** The part of a pack that is being looked at. Memory: the largest part asked for, at least 512 KiB. */
export class FrameWindow {
  #buffer = new Uint8Array(STEP_BYTES);
  #source: PackBytes | undefined;
  #begin = 0;
  #end = 0;

  /** Turns to another pack. */
  moveTo(source: PackBytes): void {
    this.#source = source;
    this.#begin = 0;
    this.#end = 0;
  }

  /**
   * The bytes from `position` on, as many as there are in the window and at least `least`; fewer where the pack ends.
   * Valid until the next call.
   */
  from(position: number, least: number): Uint8Array {
    if (position < this.#begin || position + least > this.#end) this.#fill(position, least);
    return this.#buffer.subarray(position - this.#begin, this.#end - this.#begin);
  }

  #fill(position: number, least: number): void {
    if (this.#source === undefined) throw new TypeError('The window was moved to no pack');
    if (least > this.#buffer.length) this.#buffer = new Uint8Array(least);
    const step = this.#buffer.subarray(0, Math.max(least, STEP_BYTES));
    this.#begin = position;
    this.#end = position + this.#source.read(step, position);
  }
}
