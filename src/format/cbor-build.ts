/**
 * Building the value of scanned CBOR, and refusing every encoding of it but the deterministic one. Implements steps 2
 * and 3 of §5.2: with heads as short as can be, keys in ascending order and true UTF-8, encoding again gives the same
 * bytes, so nobody needs to do it. A property test holds this against encoding again.
 */

import { compareBytes } from './bytes.js';
import type { CborValue } from './cbor-value.js';

/** Why bytes are not the deterministic encoding of anything that the format has. */
export class NotDeterministic extends Error {
  override readonly name = 'NotDeterministic';
}

const MAJOR = { uint: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5 } as const;
const FALSE = 0xf4;
const TRUE = 0xf5;

const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Builds one item from bytes whose heads, lengths and counts were found to be in order by a scan. */
export class CborBuilder {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /**
   * The next item.
   *
   * @throws NotDeterministic
   */
  next(): CborValue {
    const head = this.#bytes[this.#offset] ?? 0;
    this.#offset += 1;
    const argument = this.#argument(head & 31);
    switch (head >> 5) {
      case MAJOR.uint:
        return argument;
      case MAJOR.negative:
        return negative(argument);
      case MAJOR.bytes:
        return new Uint8Array(this.#take(Number(argument)));
      case MAJOR.text:
        return this.#text(Number(argument));
      case MAJOR.array:
        return this.#array(Number(argument));
      case MAJOR.map:
        return this.#map(Number(argument));
      default:
        return head === FALSE ? false : head === TRUE ? true : null;
    }
  }

  /** Arguments have one form only, the shortest. */
  #argument(info: number): number | bigint {
    if (info < 24) return info;
    const at = this.#offset;
    const width = 1 << (info - 24);
    this.#offset = at + width;
    switch (width) {
      case 1:
        return atLeast(24, this.#view.getUint8(at));
      case 2:
        return atLeast(0x100, this.#view.getUint16(at));
      case 4:
        return atLeast(0x1_0000, this.#view.getUint32(at));
      default: {
        const value = this.#view.getBigUint64(at);
        const number = atLeast(0x1_0000_0000, Number(value));
        return number <= Number.MAX_SAFE_INTEGER ? number : value;
      }
    }
  }

  #take(length: number): Uint8Array {
    const at = this.#offset;
    this.#offset = at + length;
    return this.#bytes.subarray(at, at + length);
  }

  #text(length: number): string {
    try {
      return utf8Decoder.decode(this.#take(length));
    } catch (cause) {
      throw new NotDeterministic('a text is not UTF-8', { cause });
    }
  }

  #array(count: number): readonly CborValue[] {
    const items: CborValue[] = [];
    for (let i = 0; i < count; i += 1) items.push(this.next());
    return items;
  }

  #map(count: number): ReadonlyMap<string | number, CborValue> {
    if (count === 0) return EMPTY_MAP;
    const map = new Map<string | number, CborValue>();
    let previous: Uint8Array | undefined;
    for (let i = 0; i < count; i += 1) {
      const at = this.#offset;
      const key = this.next();
      // §5.1: keys are integers or text.
      if (typeof key !== 'string' && typeof key !== 'number' && typeof key !== 'bigint')
        throw new NotDeterministic('a map has a key that is neither an integer nor text');
      const encoded = this.#bytes.subarray(at, this.#offset);
      if (previous !== undefined && compareBytes(previous, encoded) >= 0)
        throw new NotDeterministic('the keys of a map do not ascend');
      previous = encoded;
      map.set(key as string | number, this.next());
    }
    return map;
  }
}

/** Nearly every entry of a page ends with one: each would be garbage of its own. */
const EMPTY_MAP: ReadonlyMap<string | number, CborValue> = new Map();

function atLeast(least: number, value: number): number {
  if (value < least) throw new NotDeterministic('a number takes more bytes than it needs');
  return value;
}

function negative(argument: number | bigint): number | bigint {
  const isSafe = typeof argument === 'number' && argument < Number.MAX_SAFE_INTEGER;
  return isSafe ? -1 - argument : -1n - BigInt(argument);
}
