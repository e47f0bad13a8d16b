/** Dotted paths into JSON and YAML: `accounts.*.password`. */

/**
 * The texts that `field` leads to in a decoded document, in its order. `*` stands for any key or index; a key that
 * contains a dot cannot be named.
 */
export function* textsAt(document: unknown, field: string): Generator<string, void, void> {
  yield* follow(document, field === '' ? [] : field.split('.'));
}

function* follow(value: unknown, steps: readonly string[]): Generator<string, void, void> {
  const [step, ...rest] = steps;
  if (step === undefined) {
    if (typeof value === 'string') yield value;
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (step === '*') for (const each of Object.values(value)) yield* follow(each, rest);
  else if (Object.hasOwn(value, step))
    yield* follow((value as Readonly<Record<string, unknown>>)[step], rest);
}

/** The document in a JSON text; undefined where it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
