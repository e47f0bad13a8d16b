/** Memory in steps that begin at a page, as writing past the page cache needs them. */

/** Long enough that the disk is busy writing it, and a multiple of every block length. */
export const STEP_BYTES = 1024 * 1024;

/** Steps that were given back, for the next taker. */
export class AlignedMemory {
  readonly #free: Buffer[] = [];
  #taken = 0;

  /** Steps that were not given back yet. */
  get taken(): number {
    return this.#taken;
  }

  /** A step of memory, to be given back. */
  take(): Buffer {
    // V8 maps the memory of resizable buffers page by page; that of others begins wherever malloc says.
    const make = (): Buffer =>
      Buffer.from(new ArrayBuffer(STEP_BYTES, { maxByteLength: STEP_BYTES }), 0, STEP_BYTES);
    this.#taken += 1;
    return this.#free.pop() ?? make();
  }

  /** Takes back a step that nobody writes or reads any more. */
  give(step: Buffer): void {
    this.#taken -= 1;
    this.#free.push(step);
  }
}
