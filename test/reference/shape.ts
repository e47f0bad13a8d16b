/** Step 4 of §5.2: each function gives its value in the type that a field demands, or refuses. */
import type { ErrorCode } from '#nbak/errors.js';
import { compare } from './bytes.js';
import type { Cbor } from './cbor.js';
import { demand, fail } from './fail.js';

const CLAUSE = '§5.2';
const wrong = (what: string): never => fail('FORMAT_INVALID', CLAUSE, `expected ${what}`);

/** An array, of exactly `length` items where given. */
export function list(value: Cbor | undefined, length?: number): Cbor[] {
  if (!Array.isArray(value)) return wrong('an array');
  demand(
    length === undefined || value.length === length,
    'FORMAT_INVALID',
    CLAUSE,
    'array of another length',
  );
  return value;
}

/** Refuses more than `most` items by `LIMIT_EXCEEDED`. */
export function atMost<T>(items: T[], most: number, what: string, code: ErrorCode = 'LIMIT_EXCEEDED'): T[] {
  demand(items.length <= most, code, '§15', `more than ${most} ${what}`);
  return items;
}

/** A map with exactly the text keys `keys`, and those of `optional` that it has. */
export function fields(
  value: Cbor | undefined,
  keys: readonly string[],
  optional: readonly string[] = [],
): Record<string, Cbor> {
  if (!(value instanceof Map)) return wrong('a map');
  const all = [...keys, ...optional.filter((key) => value.has(key))];
  demand(value.size === all.length, 'FORMAT_INVALID', CLAUSE, 'a map of other keys');
  const result: Record<string, Cbor> = {};
  for (const key of all) {
    const item = value.get(key);
    if (item === undefined) return wrong(`the key ${key}`);
    result[key] = item;
  }
  return result;
}

/** A byte string, of exactly `length` bytes where given. */
export function bstr(value: Cbor | undefined, length?: number): Uint8Array {
  if (!(value instanceof Uint8Array)) return wrong('a byte string');
  demand(
    length === undefined || value.length === length,
    'FORMAT_INVALID',
    CLAUSE,
    'byte string of another length',
  );
  return value;
}

export function tstr(value: Cbor | undefined): string {
  return typeof value === 'string' ? value : wrong('text');
}

export function bool(value: Cbor | undefined): boolean {
  return typeof value === 'boolean' ? value : wrong('true or false');
}

/** An integer that a double holds exactly. */
export function int(value: Cbor | undefined): number {
  return typeof value === 'number' ? value : wrong('an integer within ±2⁵³');
}

/** An integer of `least` … `most`. */
export function uint(value: Cbor | undefined, least = 0, most = Number.MAX_SAFE_INTEGER): number {
  const number = int(value);
  demand(number >= least && number <= most, 'FORMAT_INVALID', CLAUSE, `integer outside ${least} … ${most}`);
  return number;
}

/** An integer of 0 … 2⁶⁴−1. */
export function uint64(value: Cbor | undefined): bigint {
  if (typeof value !== 'number' && typeof value !== 'bigint') return wrong('an integer');
  demand(value >= 0, 'FORMAT_INVALID', CLAUSE, 'negative integer');
  return BigInt(value);
}

/** Byte strings of 32 bytes; strictly ascending where `ascending`. */
export function names(value: Cbor | undefined, order: 'ascending' | 'any'): Uint8Array[] {
  const items = list(value).map((item) => bstr(item, 32));
  if (order === 'ascending') ascending(items);
  return items;
}

/** Refuses items that are not in strictly ascending bytewise order. */
export function ascending(items: readonly Uint8Array[]): void {
  items.forEach((item, i) => {
    const before = items[i - 1];
    demand(
      before === undefined || compare(before, item) < 0,
      'FORMAT_INVALID',
      CLAUSE,
      'not ascending, or twice',
    );
  });
}
