/** Small damages, so that a vector's intent can be read. */
import { byteAt, concat } from '../bytes.js';

/** `bytes` with the lowest bit at `offset` flipped; negative offsets count from the end. */
export function flip(bytes: Uint8Array, offset: number): Uint8Array {
  const at = offset < 0 ? bytes.length + offset : offset;
  return patch(bytes, at, Uint8Array.of(byteAt(bytes, at) ^ 1));
}

/** `bytes` with `replacement` written over them at `offset`. */
export function patch(bytes: Uint8Array, offset: number, replacement: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy.set(replacement, offset);
  return copy;
}

export const withoutEnd = (bytes: Uint8Array, count: number): Uint8Array =>
  bytes.slice(0, bytes.length - count);
export const append = (bytes: Uint8Array, ...more: readonly number[]): Uint8Array =>
  concat(bytes, Uint8Array.from(more));

/** An array with the item at `index` replaced. */
export const withItem = <T>(items: readonly T[], index: number, item: T): T[] =>
  items.map((old, i) => (i === index ? item : old));
