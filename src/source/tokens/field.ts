/** Dotted paths into JSON and YAML: `accounts.*.password`. */

/** A text in a document, and the path of keys and indexes that leads to it. */
export interface PlacedText {
  readonly at: string;
  readonly text: string;
}

/**
 * The texts that `field` leads to in a decoded document, in its order. `*` stands for any key or index; a key that
 * contains a dot cannot be named.
 */
export function textsAt(document: unknown, field: string): Generator<PlacedText, void, void> {
  return follow(document, field === '' ? [] : field.split('.'), []);
}

function* follow(
  value: unknown,
  steps: readonly string[],
  above: readonly string[],
): Generator<PlacedText, void, void> {
  const [step, ...rest] = steps;
  if (step === undefined) {
    if (typeof value === 'string') yield { at: above.join('.'), text: value };
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  const members = value as Readonly<Record<string, unknown>>;
  const keys = step === '*' ? Object.keys(members) : Object.hasOwn(members, step) ? [step] : [];
  for (const key of keys) yield* follow(members[key], rest, [...above, key]);
}

/** The document in a JSON text; undefined where it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
