/** JSON of vectors: bytes are lower-case hex, integers beyond 2⁵³ decimal text; readers refuse unknown fields. */
import { hex, unhex } from '../reference/bytes.js';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** The JSON form of what an implementation answers. Maps become `{"map": [[key, value]…]}`. */
export function toJson(value: unknown): Json {
  if (value === undefined) return null;
  if (value instanceof Uint8Array) return hex(value);
  if (typeof value === 'bigint') return value.toString();
  if (value === null || typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string')
    return value;
  if (Array.isArray(value)) return value.map(toJson);
  if (value instanceof Map)
    return { map: [...value].map(([key, item]): Json => [toJson(key), toJson(item)]) };
  if (typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toJson(item)]));
  }
  throw new TypeError(`no JSON form of a ${typeof value}`);
}

/** Reads one JSON value, or throws a TypeError that says where. */
export type Reader<T> = (json: Json | undefined, where: string) => T;
const wrong = (where: string, expected: string): never => {
  throw new TypeError(`${where}: expected ${expected}`);
};

export const text: Reader<string> = (json, where) => (typeof json === 'string' ? json : wrong(where, 'text'));
export const number: Reader<number> = (json, where) =>
  typeof json === 'number' ? json : wrong(where, 'a number');
export const bytes: Reader<Uint8Array> = (json, where) => {
  const digits = text(json, where);
  return /^([0-9a-f]{2})*$/.test(digits) ? unhex(digits) : wrong(where, 'lower-case hex');
};
export const any: Reader<Json> = (json, where) => (json === undefined ? wrong(where, 'a value') : json);
export const strings: Reader<string[]> = (json, where) => listOf(text)(json, where);

export const oneOf =
  <const T extends string>(...choices: readonly T[]): Reader<T> =>
  (json, where) =>
    choices.find((choice) => choice === json) ?? wrong(where, choices.join(' or '));

export const nullable =
  <T>(reader: Reader<T>): Reader<T | null> =>
  (json, where) =>
    json === null ? null : reader(json, where);

export const listOf =
  <T>(reader: Reader<T>): Reader<T[]> =>
  (json, where) =>
    Array.isArray(json) ? json.map((item, i) => reader(item, `${where}[${i}]`)) : wrong(where, 'an array');

/** What an object of these fields holds. */
export type Fields<F extends Record<string, Reader<unknown>>> = { [K in keyof F]: ReturnType<F[K]> };

/** A JSON object, or a TypeError. */
export const object: Reader<{ [key: string]: Json }> = (json, where) =>
  typeof json === 'object' && json !== null && !Array.isArray(json) ? json : wrong(where, 'an object');

/** An object of exactly these fields. */
export const record =
  <F extends Record<string, Reader<unknown>>>(fields: F): Reader<Fields<F>> =>
  (json, where) => {
    const source = object(json, where);
    const unknown = Object.keys(source).filter((key) => !(key in fields));
    if (unknown.length > 0) throw new TypeError(`${where}: unknown ${unknown.join(', ')}`);
    const entries = Object.entries(fields).map(([key, reader]) => [
      key,
      reader(source[key], `${where}.${key}`),
    ]);
    return Object.fromEntries(entries) as Fields<F>;
  };
