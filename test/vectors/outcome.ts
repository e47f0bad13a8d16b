/** What an implementation makes of a vector, in the words of the vector. */
import { isNbakError } from '#nbak/errors.js';
import type { VectorAdapter } from './adapter.js';
import type { Json } from './json.js';
import type { Operation } from './operations.js';

export interface Outcome {
  readonly result: 'valid' | 'invalid';
  readonly error: string | null;
  readonly output: Json;
}

/** Asks and says what happened. Anything but an answer or an `NbakError` is a mistake and is thrown on. */
export async function outcomeOf(ask: Operation, adapter: VectorAdapter, input: Json): Promise<Outcome> {
  try {
    return { result: 'valid', error: null, output: await ask(adapter, input) };
  } catch (error) {
    if (!isNbakError(error)) throw error;
    return { result: 'invalid', error: error.code, output: null };
  }
}
