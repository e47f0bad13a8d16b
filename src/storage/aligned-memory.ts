/** Memory in steps that begin at a page, as writing past the page cache needs them. */

/** Long enough that the disk is busy writing it, and a multiple of every block length. */
export const STEP_BYTES = 1024 * 1024;

/** Steps that were given back, for the next taker. */
export class AlignedMemory {
  readonly #free: Buffer[] = [];

  /** A step of memory, to be given back. */
  take(): Buffer {
    // V8 maps the memory of resizable buffers page by page; that of others begins wherever malloc says.
    const make = (): Buffer =>
      Buffer.from(new ArrayBuffer(STEP_BYTES, { maxByteLength: STEP_BYTES }), 0, STEP_BYTES);
    return this.#free.pop() ?? make();
  }

  /** Takes back a step that nobody writes or reads any more. */
  give(step: Buffer): void {
    this.#free.push(step);
  }
}
