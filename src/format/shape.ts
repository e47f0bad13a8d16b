/** Exact shape checks of decoded CBOR (§5.2 step 4). Every function names the structure and field it refused. */

import { NbakError } from '../errors.js';
import type { CborValue } from './cbor-value.js';

/** The error for a value that breaks a rule of the format. */
export function invalidField(structure: string, field: string, expected: string): NbakError {
  return new NbakError('FORMAT_INVALID', `Cannot read ${structure}: ${field} must be ${expected}`, {
    details: { structure, field },
  });
}

/** The error for a declared amount beyond §15. */
export function limitExceeded(structure: string, limit: string, value: number, most: number): NbakError {
  return new NbakError(
    'LIMIT_EXCEEDED',
    `Cannot read ${structure}: ${limit} is ${value}, at most ${most} is allowed`,
    {
      details: { structure, limit, value, most },
    },
  );
}

/** An unsigned integer up to `most` (default 2^53 − 1). */
export function asUint(
  value: CborValue | undefined,
  structure: string,
  field: string,
  most = Number.MAX_SAFE_INTEGER,
): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > most) {
    throw invalidField(structure, field, `an unsigned integer up to ${most}`);
  }
  return value;
}

/** An unsigned integer of 1 up to `most` (default 2^53 − 1). */
export function asCount(
  value: CborValue | undefined,
  structure: string,
  field: string,
  most = Number.MAX_SAFE_INTEGER,
): number {
  const count = asUint(value, structure, field, most);
  if (count < 1) throw invalidField(structure, field, 'at least 1');
  return count;
}

/** A signed integer within ±(2^53 − 1). */
export function asInt(value: CborValue | undefined, structure: string, field: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value))
    throw invalidField(structure, field, 'an integer');
  return value;
}

/** A byte string, of exactly `length` bytes where given. */
export function asBytes(
  value: CborValue | undefined,
  structure: string,
  field: string,
  length?: number,
): Uint8Array {
  if (!(value instanceof Uint8Array)) throw invalidField(structure, field, 'a byte string');
  if (length !== undefined && value.length !== length)
    throw invalidField(structure, field, `${length} bytes long`);
  return value;
}

/** A text string. */
export function asText(value: CborValue | undefined, structure: string, field: string): string {
  if (typeof value !== 'string') throw invalidField(structure, field, 'a text string');
  return value;
}

/** A boolean. */
export function asBoolean(value: CborValue | undefined, structure: string, field: string): boolean {
  if (typeof value !== 'boolean') throw invalidField(structure, field, 'true or false');
  return value;
}

/** An array, of exactly `length` items where given. */
export function asArray(
  value: CborValue | undefined,
  structure: string,
  field: string,
  length?: number,
): readonly CborValue[] {
  if (!Array.isArray(value)) throw invalidField(structure, field, 'an array');
  const items = value as readonly CborValue[];
  if (length !== undefined && items.length !== length)
    throw invalidField(structure, field, `an array of ${length}`);
  return items;
}

/** A map whose keys are exactly `keys`, and those of `optional` that it has. */
export function asRecord<Key extends string, Optional extends string = never>(
  value: CborValue | undefined,
  structure: string,
  keys: readonly Key[],
  optional: readonly Optional[] = [],
): Readonly<Record<Key, CborValue> & Partial<Record<Optional, CborValue>>> {
  if (!(value instanceof Map)) throw invalidField(structure, 'the payload', 'a map');
  const map = value as ReadonlyMap<string | number, CborValue>;
  const record: Partial<Record<string, CborValue>> = {};
  for (const key of keys) {
    const item = map.get(key);
    if (item === undefined) throw invalidField(structure, key, 'present');
    record[key] = item;
  }
  const present = optional.filter((key) => map.has(key));
  for (const key of present) record[key] = map.get(key);
  if (map.size !== keys.length + present.length)
    throw invalidField(structure, 'the payload', `a map of exactly ${keys.join(', ')}`);
  return record as Record<Key, CborValue> & Partial<Record<Optional, CborValue>>;
}

/** Throws unless `items` ascend strictly by `compare`. */
export function assertAscending<T>(
  items: readonly T[],
  compare: (a: T, b: T) => number,
  structure: string,
  field: string,
): void {
  for (let i = 1; i < items.length; i += 1) {
    if (compare(items[i - 1] as T, items[i] as T) >= 0)
      throw invalidField(structure, field, 'ascending without duplicates');
  }
}
