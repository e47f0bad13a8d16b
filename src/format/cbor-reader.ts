/** Reading the items of scanned CBOR one after the other, without building what holds them. Implements step 4 of §5.2. */

import { MAJOR, readArgument, scan, SIMPLE } from './cbor-scan.js';
import type { CborValue } from './cbor-value.js';
import { LIMITS } from './limits.js';
import { asCount, asInt, asUint, invalidField } from './shape.js';

const textDecoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Instead of an argument, none of which is negative: another type comes next. */
const OTHER = -1;

/**
 * Reads deterministic CBOR in order. Every method names the field that it refuses.
 *
 * @example
 * const reader = CborReader.of(encodeCbor([1, 'a']), 'a pair');
 * reader.array('the pair', 2);
 * reader.uint('number'); // 1
 * reader.text('name'); // 'a'
 */
export class CborReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #structure: string;
  #offset = 0;

  private constructor(bytes: Uint8Array, structure: string) {
    // Not a Buffer, whose slices are no copies.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#structure = structure;
  }

  /**
   * Reads bytes that a scan finds to be exactly one deterministic item.
   *
   * @param structure - what is being read, for messages.
   * @param mostItems - how many items its shape allows, where that is fewer than §15 does.
   * @throws NbakError `LIMIT_EXCEEDED` or `FORMAT_INVALID` (§5.2 steps 1 to 3).
   */
  static of(bytes: Uint8Array, structure: string, mostItems: number = LIMITS.cborItems): CborReader {
    scan(bytes, structure, mostItems);
    return new CborReader(bytes, structure);
  }

  /** An unsigned integer up to `most` (default 2^53 − 1); throws `FORMAT_INVALID`. */
  uint(field: string, most = Number.MAX_SAFE_INTEGER): number {
    return asUint(this.#argument(MAJOR.uint), this.#structure, field, most);
  }

  /** An unsigned integer of 1 or more; throws `FORMAT_INVALID`. */
  count(field: string): number {
    return asCount(this.#argument(MAJOR.uint), this.#structure, field);
  }

  /** A signed integer within ±(2^53 − 1); throws `FORMAT_INVALID`. */
  int(field: string): number {
    const isNegative = this.#nextIs(MAJOR.negative);
    const argument = this.#argument(isNegative ? MAJOR.negative : MAJOR.uint);
    const value = isNegative ? -1 - argument : argument;
    return asInt(argument === OTHER ? undefined : value, this.#structure, field);
  }

  /** An unsigned 64-bit integer; throws `FORMAT_INVALID`. */
  uint64(field: string): bigint {
    const argument = this.#argument(MAJOR.uint);
    if (argument === OTHER) throw this.#invalid(field, 'an unsigned integer');
    return argument <= Number.MAX_SAFE_INTEGER ? BigInt(argument) : this.#longArgument();
  }

  /** A byte string, of exactly `length` bytes where given, copied; throws `FORMAT_INVALID`. */
  bytes(field: string, length?: number): Uint8Array {
    const count = this.#argument(MAJOR.bytes);
    if (count === OTHER) throw this.#invalid(field, 'a byte string');
    if (length !== undefined && count !== length) throw this.#invalid(field, `${length} bytes long`);
    const at = this.#offset;
    this.#offset = at + count;
    return this.#bytes.slice(at, at + count);
  }

  /** A text; throws `FORMAT_INVALID`. */
  text(field: string): string {
    const length = this.#argument(MAJOR.text);
    if (length === OTHER) throw this.#invalid(field, 'a text string');
    const at = this.#offset;
    this.#offset = at + length;
    return textDecoder.decode(this.#bytes.subarray(at, at + length));
  }

  /** Enters an array, of exactly `length` items where given, and returns how many; throws `FORMAT_INVALID`. */
  array(field: string, length?: number): number {
    const count = this.#argument(MAJOR.array);
    if (count === OTHER) throw this.#invalid(field, 'an array');
    if (length !== undefined && count !== length) throw this.#invalid(field, `an array of ${length}`);
    return count;
  }

  /** Reads an array item by item; throws `FORMAT_INVALID`, or what reading an item throws. */
  list<T>(field: string, readItem: () => T): T[] {
    return this.items(this.array(field), readItem);
  }

  /** Reads the items of an array that was entered; throws what reading an item throws. */
  items<T>(count: number, readItem: () => T): T[] {
    const items: T[] = [];
    for (let i = 0; i < count; i += 1) items.push(readItem());
    return items;
  }

  /** Says whether an array comes next. */
  nextIsArray(): boolean {
    return this.#nextIs(MAJOR.array);
  }

  /** Enters a map and returns how many pairs it has; throws `FORMAT_INVALID`. */
  map(field: string): number {
    const count = this.#argument(MAJOR.map);
    if (count === OTHER) throw this.#invalid(field, 'a map');
    return count;
  }

  /** The next item whatever it is, built. */
  value(): CborValue {
    const head = this.#bytes[this.#offset] ?? 0;
    switch (head >> 5) {
      case MAJOR.uint: {
        const argument = this.#argument(MAJOR.uint);
        return argument <= Number.MAX_SAFE_INTEGER ? argument : this.#longArgument();
      }
      case MAJOR.negative:
        return this.#negative();
      case MAJOR.bytes:
        return this.bytes('a value');
      case MAJOR.text:
        return this.text('a value');
      case MAJOR.array:
        return this.list('a value', () => this.value());
      case MAJOR.map:
        return this.#mapValue();
      default:
        this.#offset += 1;
        return head === SIMPLE.null ? null : head === SIMPLE.true;
    }
  }

  #negative(): number | bigint {
    const argument = this.#argument(MAJOR.negative);
    return argument < Number.MAX_SAFE_INTEGER ? -1 - argument : -1n - this.#longArgument();
  }

  #mapValue(): ReadonlyMap<string | number, CborValue> {
    const map = new Map<string | number, CborValue>();
    for (let left = this.map('a value'); left > 0; left -= 1)
      map.set(this.value() as string | number, this.value());
    return map;
  }

  #nextIs(major: number): boolean {
    return (this.#bytes[this.#offset] ?? 0) >> 5 === major;
  }

  /** The argument of the next head, beyond 2^53 the nearest double; {@link OTHER} where another type comes next. */
  #argument(major: number): number {
    const head = this.#bytes[this.#offset] ?? 0;
    if (head >> 5 !== major) return OTHER;
    const info = head & 31;
    const at = this.#offset + 1;
    if (info < 24) {
      this.#offset = at;
      return info;
    }
    const width = 1 << (info - 24);
    this.#offset = at + width;
    return readArgument(this.#view, at, width);
  }

  /** The argument just read, exactly: beyond 2^53 heads have no form but the one of 8 bytes. */
  #longArgument(): bigint {
    return this.#view.getBigUint64(this.#offset - 8);
  }

  #invalid(field: string, expected: string): Error {
    return invalidField(this.#structure, field, expected);
  }
}
