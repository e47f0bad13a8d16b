/** Bytes that can be given away to another thread. */

/** `bytes` with a buffer to itself, as transfers need; copies only where it shares one. */
export function transferable(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  const isAlone = buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength;
  // Small Buffers of Node share a pool, which must not be detached.
  return isAlone && bytes.constructor === Uint8Array ? new Uint8Array(buffer) : new Uint8Array(bytes);
}
