/** Vectors as the generator states them, and how they become files. */
import type { ErrorCode } from '#nbak/errors.js';
import { type Json, toJson } from '../../vectors/json.js';
import { OPERATIONS } from '../../vectors/operations.js';
import { referenceAdapter } from '../../vectors/reference-adapter.js';
import { outcomeOf } from '../../vectors/outcome.js';

/** Named values; bytes become hex. */
export type Values = Readonly<Record<string, unknown>>;

export interface Draft {
  readonly comment: string;
  readonly clause: string;
  readonly error: ErrorCode | null;
  readonly input: Values;
  readonly intermediate: Values;
}

/** What must be accepted; the output is the reference codec's. */
export const valid = (comment: string, clause: string, input: Values, intermediate: Values = {}): Draft => ({
  comment,
  clause,
  error: null,
  input,
  intermediate,
});

/** What must be refused with `error`. */
export const invalid = (error: ErrorCode, comment: string, clause: string, input: Values): Draft => ({
  comment,
  clause,
  error,
  input,
  intermediate: {},
});

export interface DraftGroup {
  readonly type: string;
  readonly drafts: readonly Draft[];
}

export const group = (type: string, ...drafts: readonly Draft[]): DraftGroup => ({ type, drafts });

export interface DraftFile {
  readonly name: string;
  readonly spec: string;
  /** Where it is not 2. */
  readonly formatVersion?: 1;
  readonly header: readonly string[];
  readonly groups: readonly DraftGroup[];
}

const SOURCE = { name: 'test/reference/generate', version: '2.0-draft' };

async function finish(type: string, draft: Draft, tcId: number): Promise<Json> {
  const ask = OPERATIONS[type];
  if (ask === undefined) throw new TypeError(`no operation ${type}`);
  const input = toJson(draft.input);
  const outcome = await outcomeOf(ask, referenceAdapter, input);
  if (outcome.error !== draft.error) {
    throw new Error(
      `${type}, ${draft.comment}: expected ${draft.error ?? 'valid'}, got ${outcome.error ?? 'valid'}`,
    );
  }
  const { comment, clause, error } = draft;
  const { result, output } = outcome;
  return { tcId, comment, clause, result, error, input, output, intermediate: toJson(draft.intermediate) };
}

/** Puts arrays of numbers on one line each. */
const compact = (json: string): string =>
  json.replaceAll(/\[[\s\d,.-]+\]/g, (array) =>
    array.replaceAll(/\s+/g, ' ').replace('[ ', '[').replace(' ]', ']'),
  );

/** The text of a vector file. */
export async function renderFile(file: DraftFile): Promise<string> {
  let tcId = 0;
  const testGroups: Json[] = [];
  for (const { type, drafts } of file.groups) {
    const tests: Json[] = [];
    for (const draft of drafts) tests.push(await finish(type, draft, (tcId += 1)));
    testGroups.push({ type, source: SOURCE, tests });
  }
  const { spec, header, formatVersion = 2 } = file;
  const envelope = { spec, formatVersion, numberOfTests: tcId, header: [...header], testGroups };
  return `${compact(JSON.stringify(envelope, null, 1))}\n`;
}
