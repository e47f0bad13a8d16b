/** Memory in steps that begin at a page, as writing past the page cache needs them. */

/** Long enough that the disk is busy writing it, and a multiple of every block length. */
export const STEP_BYTES = 1024 * 1024;

/** Steps that were given back, for the next taker. */
export class AlignedMemory {
  readonly #free: Uint8Array[] = [];

  /** A step of memory, to be given back. */
  take(): Uint8Array {
    // V8 maps the memory of resizable buffers page by page; that of others begins wherever malloc says.
    return (
      this.#free.pop() ??
      new Uint8Array(new ArrayBuffer(STEP_BYTES, { maxByteLength: STEP_BYTES }), 0, STEP_BYTES)
    );
  }

  /** Takes back a step that nobody writes or reads any more. */
  give(step: Uint8Array): void {
    this.#free.push(step);
  }
}
