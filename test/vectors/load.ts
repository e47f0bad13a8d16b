/** Loads vector files and refuses every field that the envelope does not have. */
import { readdirSync, readFileSync } from 'node:fs';
import { ERROR_CODES, type ErrorCode } from '#nbak/errors.js';
import {
  any,
  type Json,
  listOf,
  nullable,
  number,
  object,
  oneOf,
  type Reader,
  record,
  strings,
  text,
} from './json.js';

export const VECTOR_FOLDER = new URL('../../fixtures/vectors/', import.meta.url);

const errorCode: Reader<ErrorCode> = (json, where) => {
  const code = text(json, where);
  if (!(code in ERROR_CODES)) throw new TypeError(`${where}: ${code} is no error code`);
  return code as ErrorCode;
};

/** One scenario. A valid one has an output, an invalid one an error. */
export interface Vector {
  readonly tcId: number;
  readonly comment: string;
  readonly clause: string;
  readonly result: 'valid' | 'invalid';
  readonly error: ErrorCode | null;
  readonly input: Json;
  readonly output: Json;
  /** Values on the way, for finding a mistake; nothing compares them. */
  readonly intermediate: Json;
}

const vector = record({
  tcId: number,
  comment: text,
  clause: text,
  result: oneOf('valid', 'invalid'),
  error: nullable(errorCode),
  input: any,
  output: nullable(any),
  intermediate: object,
});
const group = record({ type: text, source: record({ name: text, version: text }), tests: listOf(vector) });
const file = record({
  spec: text,
  formatVersion: number,
  numberOfTests: number,
  header: strings,
  testGroups: listOf(group),
});

export interface VectorGroup {
  readonly type: string;
  readonly source: { readonly name: string; readonly version: string };
  readonly tests: readonly Vector[];
}

export interface VectorFile {
  readonly spec: string;
  readonly formatVersion: number;
  readonly numberOfTests: number;
  readonly header: readonly string[];
  readonly testGroups: readonly VectorGroup[];
}

/** Reads the text of a vector file, strictly. */
export function parseVectorFile(source: string, name: string): VectorFile {
  const parsed = file(JSON.parse(source) as Json, name);
  const tests = parsed.testGroups.flatMap((item) => item.tests);
  tests.forEach((test, i) => {
    if (test.tcId !== i + 1) throw new TypeError(`${name}: tcId ${test.tcId} is out of order`);
    if ((test.result === 'invalid') !== (test.error !== null))
      throw new TypeError(`${name}#${test.tcId}: error`);
  });
  if (tests.length !== parsed.numberOfTests)
    throw new TypeError(`${name}: numberOfTests is not ${tests.length}`);
  return parsed;
}

/** The names of all vector files, without folder. */
export const vectorFileNames = (): string[] =>
  readdirSync(VECTOR_FOLDER)
    .filter((name) => name.endsWith('.json'))
    .sort();

export const loadVectorFile = (name: string): VectorFile =>
  parseVectorFile(readFileSync(new URL(name, VECTOR_FOLDER), 'utf8'), name);
